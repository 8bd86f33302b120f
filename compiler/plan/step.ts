/**
 * A step: one program on one part of a model, once or for each window of a text. Order is the compiler's: a step reads what is
 * given and what steps before it have made, and the runtime only carries out.
 */
/** Where a value comes from. */
export type Ref =
  /** A tensor of a given model, by the model's name and the name in its files. */
  | { readonly model: string; readonly tensor: string }
  /** What a step before has written: its place in the list, and the output or accumulator of its program. */
  | { readonly step: number; readonly output: string }
  /** Token ids of the windows of that number, i32[token] each. */
  | { readonly windows: number }
  /** Several of one size, one behind the other along a dimension that comes first. */
  | { readonly stack: readonly Ref[] }
  /** The element of that number along the first dimension of another. */
  | { readonly element: number; readonly of: Ref }
  /** One of several: `by` is a decision, i32 with a dimension, whose element `at` says which. */
  | { readonly pick: readonly Ref[]; readonly by: Ref; readonly at: number };

/**
 * What a slot means follows from its role. `weight` and `state` are bound once, before the program's setup; `data` is bound window
 * by window. What a step over windows writes to an `output` is a value for each window: another step over the same windows reads
 * it window by window as `data`, and one without reads all of it as `state`, with the windows as its first dimension. An
 * `accumulator` starts as the neutral element of its sum, maximum or minimum and is private until the step ends.
 */
export interface Step<Program = string> {
  readonly program: Program;
  /** By slot of the program, for every slot that is read. */
  readonly reads: Readonly<Record<string, Ref>>;
  /** The number of the windows that it goes over, in order; null: it runs once. */
  readonly over: number | null;
  /** What must hold of what it writes; the first that does not ends the run, or is said. */
  readonly checks: readonly Check[];
  /** Outputs that are written to disk when they are made (`durable.ts`), values of windows until their last reader has ended. */
  readonly durable: readonly string[];
  /** Where outputs over windows lie until they are read, if not on the GPU. */
  readonly places: Readonly<Record<string, "host" | "disk">>;
  /** Where the step belongs, for people and for what stays on the GPU together. */
  readonly part: StepPart;
}

/** What steps call the activation that a block takes, and the one that it hands on. */
export const activationSlot = "x";

/** `otherwise` is the sentence for people, with `{n}` for the number, and `{window}` for the window, that is wrong. */
export interface Check {
  readonly output: string;
  /**
   * `finite`: no NaN and no infinity. `none`: a count, or counts, of what must not be: 0. `some`: a count of what there should be, which
   * ends nothing where it is 0.
   */
  readonly must: "finite" | "none" | "some";
  readonly otherwise: string;
}

export interface StepPart {
  /** The stage, or null for an evaluation or a measure; by its place in the plan's stages. */
  readonly stage: number | null;
  /** The name of the stage, or of the model that is evaluated; empty for a measure. */
  readonly of: string;
  /** What it serves of that model, if it is not to be evaluated: it makes what is saved of it, checks that, or compares its layers. */
  readonly purpose?: "save" | "check" | "compare";
  /** The block; null outside the blocks. */
  readonly layer: number | null;
  /** `embedding`, `statistics`, `q`, `outputs`, `head`: what people are told is at work. */
  readonly what: string;
  /**
   * Where the step changes a weight: the tensor, by the name that the stage's model gives it, how many of its elements, if not all, in
   * which outputs they are stored, and the output that says how many are 0, where that is counted.
   */
  readonly changes?: {
    readonly tensor: string;
    readonly of?: number;
    readonly outputs: readonly string[];
    readonly zeros?: string;
  };
}

/** What people are told of steps: `sparse` of those of a stage, `evaluate sparse`, `compare sparse` and so on; of measures nothing. */
export function titleOf({ stage, of, purpose }: Pick<StepPart, "stage" | "of" | "purpose">): string {
  if (of === "" || stage !== null) return of;
  return `${purpose ?? "evaluate"} ${of}`;
}

/** The name of a layer, and its position where there is one at each of a dimension: `gate` and 3 of `gate[3]`. */
export function placedName(name: string): { readonly declared: string; readonly at: number | null } {
  const [, declared = name, at] = /^(.*)\[(\d+)\]$/.exec(name) ?? [];
  return { declared, at: at === undefined ? null : Number(at) };
}

/** A stage as people see it. */
export interface StageRecord {
  readonly name: string;
  /** `wanda(sparsity: 50%)` */
  readonly action: string;
  /** The model that it reads: a model's name or an earlier stage's. */
  readonly of: string;
}

/** A number for the report, or an expectation: then it must not be 0; or what stands at a side of one; or what results are compared by, layer by layer, unasked. */
export interface ValueRecord {
  readonly kind: "report" | "expect" | "side" | "compare";
  /** The expression as written: `perplexity(sparse, text.test)`. */
  readonly text: string;
  /** For a call with one model: the function and the model, so that tables have a row per function, a column per model. */
  readonly of: { readonly measure: string; readonly model: string } | null;
  /** Known when the plan is made (`bytes(model)`), or the scalar that a step writes. */
  readonly value: number | Ref;
  /** `file:line:column`: of a side, that of its expectation. */
  readonly place: string;
  /** Of numbers that compare: with which model, over which windows, and where each of them is found. */
  readonly compared?: { readonly with: string; readonly over: number; readonly at: readonly LayerPlace[] };
}

/** A layer of a model by its block, which is null outside of them, and its name; or what lies before the end of a block, then without. */
export interface LayerPlace {
  readonly layer: number | null;
  readonly what: string;
}

/** A model that is saved after all steps, if all expectations hold. */
export interface SaveRecord<Reference = Ref> {
  readonly format: string;
  /** The model or stage, as the recipe calls it. */
  readonly of: string;
  /** The given model that it began as: what lies beside its weights travels along. */
  readonly origin: string;
  /** The fields in which config.json differs from the origin's: their numbers, and of lists how many of their elements stay. */
  readonly config: Readonly<Record<string, number>>;
  /** The fields that are another truth value than the origin's, where any are. */
  readonly flags?: Readonly<Record<string, boolean>>;
  /** `quantization_config` of config.json as text, where weights are codes; null: there is none, whatever the origin's has. */
  readonly quantization: string | null;
  readonly tensors: readonly SavedTensor<Reference>[];
  /** An adapter in a folder of its own beside them, with the text of its config. */
  readonly adapter?: { readonly config: string; readonly tensors: readonly SavedTensor<Reference>[] };
  /** What the last steps find of the files; none where the recipe reads no text. */
  readonly check?: SavedCheck<Reference>;
}

/** All that is saved of a model. */
export const tensorsSaved = <Reference>({
  tensors,
  adapter,
}: SaveRecord<Reference>): readonly SavedTensor<Reference>[] => [...tensors, ...(adapter?.tensors ?? [])];

/** Where in the output folder a model is saved, as what paths in it begin with: one that is alone is the folder, of several each has one of its name. */
export const placeIn = (saves: readonly Pick<SaveRecord, "of">[], { of }: Pick<SaveRecord, "of">): string =>
  saves.length > 1 ? `${of}/` : "";

/** How many of the steps run before anything is saved: those behind check it. */
export const beforeSaving = ({
  steps,
  saves,
}: {
  readonly steps: readonly unknown[];
  readonly saves: readonly SaveRecord<unknown>[];
}): number => Math.min(steps.length, ...saves.flatMap(({ check }) => check?.from ?? []));

/** The files are opened as anybody would, and steps behind the saving read the model in them, whose loss must be that of the one that was saved. */
export interface SavedCheck<Reference = Ref> {
  /** What steps call the model in the files. */
  readonly model: string;
  /** Its headers, as those of a given model. */
  readonly headers: string;
  /** The first of the steps that run once the files are there; those of other checks come before them, or behind. */
  readonly from: number;
  /** The number of the windows that the models are compared on. */
  readonly over: number;
  /** In nats per token: the losses of the model that is saved and of its files, and KL(origin ‖ files). */
  readonly values: Readonly<Record<"loss" | "saved_loss" | "kl", Reference>>;
  /** By how much the losses may differ, as a share, and at least so many nats. */
  readonly tolerance: number;
}

/** Of every `stride` bytes, `width` from `start` on. */
export interface PlaceInBlocks {
  readonly start: number;
  readonly width: number;
  readonly stride: number;
}

/** Of a field that does not lie alone: the matrix of a format of blocks, and what it has of them. */
export interface InBlocks extends PlaceInBlocks {
  readonly of: string;
  readonly format: string;
  readonly shape: readonly number[];
}

export interface SavedTensor<Reference = Ref> {
  readonly name: string;
  /** As safetensors files call it: `BF16`; codes of a few bits lie in `U8` or in words. Of a tensor that no step changes, any type that files have. */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly from: Reference;
  readonly blocks?: InBlocks;
}
