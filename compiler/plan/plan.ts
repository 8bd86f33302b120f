/**
 * The contract between compiler and runtime: what will run, for one recipe, model, text and adapter. It names no path, host or
 * time. A program is shared by all blocks of equal shape; a step binds its slots.
 *
 * Slots of the programs, by name:
 *   `tokens`             i32[token], one window                              (data; embed and head)
 *   `x`                  f32[token, …], the activation between the pieces    (data of blocks and head; output of embed and blocks)
 *   stored tensor names  `model.layers.{layer}.mlp.up_proj.weight`           (weight, in the stored type; `{layer}` is the block)
 *   `a0`, `a1` …         statistics of a block                               (accumulator of a calibration program; state of a later one)
 *   `w`                  the matrix of a compression program                 (weight in, output `result`; output `zeros`, i32 scalar)
 *   `s0`, `s1` …         the statistics that it reads                        (state)
 *   `e0`, `e1` …         what an evaluation keeps of each window             (output of head)
 *   `v0`, `v1` …         results of a measure                                (output, f32 scalar)
 */
import type { DeviceFacts } from "./device-facts.ts";
import type { Kernel, Program } from "./program.ts";

export interface Plan {
  readonly version: 1;
  readonly recipe: RecipeRecord;
  readonly models: readonly ModelRecord[];
  readonly corpora: readonly CorpusRecord[];
  readonly device: DeviceFacts;
  readonly kernels: readonly Kernel[];
  readonly programs: readonly Program[];
  readonly steps: readonly Step[];
}

export interface RecipeRecord {
  readonly name: string;
  readonly doc: string;
  /** As resolved, printed the way a recipe writes them (`50%`, `2:4`). */
  readonly parameters: readonly { readonly name: string; readonly value: string }[];
  /** Every module that was read, with the sha256 of its text; the recipe first. */
  readonly sources: readonly { readonly module: string; readonly sha256: string }[];
}

/** A model given to the recipe, by the name of its parameter. */
export interface ModelRecord {
  readonly name: string;
  readonly architecture: string;
  /** sha256 over the config and the tensors' names, types and shapes. */
  readonly headers: string;
  readonly layers: number;
  readonly bytes: number;
}

export interface CorpusRecord {
  readonly name: string;
  /** The splits that are used, with their number of tokens and their hash where they were read. */
  readonly splits: readonly { readonly split: Split; readonly tokens: number; readonly sha256: string }[];
}

/** The part of a corpus that serves one purpose: calibration, choice, judgement. */
export type Split = "train" | "validation" | "test";

/** Windows of `length` tokens: all that fit without overlap, or `count` drawn with a seed. */
export interface WindowsRecord {
  readonly corpus: string;
  readonly split: Split;
  readonly length: number;
  readonly count: number;
  /** Null: all windows in order. */
  readonly seed: number | null;
}

/** The forward pass of a model in pieces; one program per block, by the name of the program. */
export interface Forward {
  readonly embed: string;
  readonly blocks: readonly string[];
}

export type Step = CompressStep | EvaluateStep | MeasureStep | SaveStep;

/** Block by block: statistics with the block as it was, each target compressed, then the next block's inputs with the new weights. */
export interface CompressStep {
  readonly kind: "compress";
  readonly stage: string;
  /** `wanda(sparsity: 50%)`, for people. */
  readonly action: string;
  /** The model that it reads: a model's name or an earlier stage's. */
  readonly of: string;
  readonly windows: WindowsRecord | null;
  /** `compressed`: the next block sees what the compressed block gives; `dense`: what it gives in the model that the stage reads. */
  readonly propagate: "compressed" | "dense";
  readonly forward: Forward | null;
  /** One entry per block that has targets, in order of blocks. */
  readonly blocks: readonly {
    readonly layer: number;
    /** The programs that collect statistics, one per pass over the samples; none when no target needs any. */
    readonly calibrate: readonly string[];
    readonly targets: readonly TargetRecord[];
  }[];
  /** Targets outside the blocks (an untied head); `calibrate` runs on what the last block gives. */
  readonly head: { readonly calibrate: readonly string[]; readonly targets: readonly TargetRecord[] } | null;
}

export interface TargetRecord {
  /** `q`, `gate` …: the name in the architecture, by which tables group. */
  readonly name: string;
  /** The stored tensor, the layer's number filled in. */
  readonly tensor: string;
  readonly program: string;
  /** Which statistic goes into which state slot. */
  readonly statistics: readonly { readonly slot: string; readonly statistic: string }[];
}

export interface EvaluateStep {
  readonly kind: "evaluate";
  readonly of: string;
  readonly windows: WindowsRecord;
  readonly forward: Forward;
  readonly head: string;
  /** Under which names the series `e0`, `e1` … are known to measures. */
  readonly series: readonly string[];
}

/** Numbers for the report, and expectations: those whose value must not be 0. */
export interface MeasureStep {
  readonly kind: "measure";
  readonly program: string;
  /** Which series goes into which state slot, f32[sample]. */
  readonly inputs: readonly { readonly slot: string; readonly series: string }[];
  readonly values: readonly {
    readonly kind: "report" | "expect";
    /** The expression as written: `perplexity(sparse, text.test)`. */
    readonly text: string;
    /** For a call with a model first: the function and the model, so that tables have a row per function, a column per model. */
    readonly of: { readonly measure: string; readonly model: string } | null;
    /** Known at compile time (`bytes(model)`), or null: output `v<i>` of the program. */
    readonly value: number | null;
    /** `file:line:column` of an expectation. */
    readonly place: string;
  }[];
}

export interface SaveStep {
  readonly kind: "save";
  readonly of: string;
  readonly format: string;
}
