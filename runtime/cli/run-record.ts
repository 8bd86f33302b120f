/** What a report says of a run beside what it measured: what was asked, what became of each layer, what it took. */
import type { ModelRecord, Plan, WindowsRecord } from "../../compiler/plan/plan.ts";
import { planHash } from "../../compiler/plan/plan-file.ts";
import type { Slot } from "../../compiler/plan/program.ts";
import { contentBytes, elements, outputOf } from "../../compiler/plan/slots.ts";
import { type LayerPlace, type Step, type StepPart, tensorsSaved, titleOf } from "../../compiler/plan/step.ts";
import { fileType, isFloatDType } from "../../compiler/plan/stored-types.ts";
import { allOf, workOf } from "../../compiler/plan/work.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import type { RunResult } from "../run/result.ts";
import { bytesSaved } from "./outline-table.ts";

/** What a run was given, as its plan has it. */
export interface Asked extends Pick<Plan, "recipe" | "corpora" | "windows" | "stages"> {
  /** The plan's sha256, which the lock has too. */
  readonly plan: string;
  readonly models: readonly Omit<ModelRecord, "contents">[];
}

/** What a stage has made of a weight. */
export interface ChangedLayer {
  readonly stage: string;
  /** Null outside the blocks. */
  readonly layer: number | null;
  /** `q`, `gate`: its name in the architecture. */
  readonly what: string;
  readonly tensor: string;
  /** Weights; null where nothing says how many. */
  readonly elements: number | null;
  /** Of these, how many are 0; null where they are not counted. */
  readonly zeros: number | null;
  readonly bytes_before: number | null;
  readonly bytes_after: number;
  /** By how much its outputs are others: the squares of the differences, as a share of what they were; null where that was not found. */
  readonly output_error: number | null;
  /** That the step took. */
  readonly seconds: number;
}

/** By what a result was compared, unasked, with the model in which its layers were changed. */
export interface Compared {
  readonly model: string;
  readonly with: string;
  /**
   * `output_error` of layers, on what enters them in the other model; `loss` and `kl` of predictions where the blocks up to one are the
   * result's and those behind it the other model's, in nats per token: the first where none is.
   */
  readonly measure: string;
  readonly windows: WindowsRecord;
  readonly at: readonly LayerPlace[];
  /** One for each place; null where it is no number. */
  readonly values: readonly (number | null)[];
}

/** What a run took of time, by stage, by model that is evaluated, for what is saved and its check, and for measures. */
export interface Taken {
  readonly what: string;
  readonly seconds: number;
  readonly operations: number;
  readonly bytes_moved: number;
}

export interface RunRecord {
  readonly asked: Asked;
  /** What the recipe saves, with the bytes of its tensors, and the given model that it began as. */
  readonly saves: readonly {
    readonly model: string;
    readonly origin: string;
    readonly format: string;
    readonly bytes: number;
  }[];
  readonly layers: readonly ChangedLayer[];
  readonly compared: readonly Compared[];
  readonly taken: readonly Taken[];
  /** Bytes, at most at once: as planned, and as the run had them, with all that the process had of the machine. */
  readonly memory: {
    readonly planned: { readonly gpu: number; readonly host: number };
    readonly measured: { readonly gpu: number; readonly process: number };
  };
}

export function runRecord(plan: Plan, result: RunResult, models: ReadonlyMap<string, Checkpoint>): RunRecord {
  const { recipe, corpora, windows, stages, saves, peaks } = plan;
  const given = plan.models.map(({ contents: _, ...model }) => model);
  const compared = comparedIn(plan, result);
  return {
    asked: { recipe, plan: planHash(plan), models: given, corpora, windows, stages },
    saves: saves.map((save) => ({
      ...{ model: save.of, origin: save.origin, format: save.format },
      bytes: bytesSaved(tensorsSaved(save)),
    })),
    layers: changedLayers(plan, result, models, compared),
    compared,
    taken: takenBy(plan, result),
    memory: {
      planned: peaks,
      measured: { gpu: result.gpuPeak, process: 1024 * process.resourceUsage().maxRSS },
    },
  };
}

const comparedIn = ({ windows }: Plan, { compared }: RunResult): readonly Compared[] =>
  compared.flatMap(({ of, over, at, values, ...each }) => {
    const passed = windows[over];
    const numbers = values.map((value) => (Number.isFinite(value) ? value : null));
    return of && passed ? [{ ...of, with: each.with, windows: passed, at, values: numbers }] : [];
  });

function takenBy(plan: Plan, { stepSeconds }: RunResult): readonly Taken[] {
  const works = workOf(plan);
  const parts = Map.groupBy(plan.steps.keys(), (at) => titleOf((plan.steps[at] as Step).part) || "measures");
  return [...parts].map(([what, steps]) => {
    const { operations, bytesMoved } = allOf(steps.flatMap((at) => works[at] ?? []));
    const seconds = steps.reduce((sum, at) => sum + (stepSeconds[at] ?? 0), 0);
    return { what, seconds, operations, bytes_moved: bytesMoved };
  });
}

/** A tensor of a model, or of what a stage has left. */
interface Stored {
  readonly bytes: number;
  readonly elements: number;
}

/** By tensor. */
type Tensors = ReadonlyMap<string, Stored>;

/** In the order of the steps. */
function changedLayers(
  plan: Plan,
  { stages, stepSeconds }: RunResult,
  models: ReadonlyMap<string, Checkpoint>,
  compared: readonly Compared[],
): readonly ChangedLayer[] {
  const left = new Map<string, Tensors>([...models].map(([name, { tensors }]) => [name, new Map(storedIn(tensors))]));
  return stages.flatMap(({ name: stage, of, changed }, number) => {
    const before: Tensors = left.get(of) ?? new Map();
    const after = new Map(before);
    left.set(stage, after);
    return plan.steps.flatMap(({ part: { stage: own, layer, what, changes } }, at): readonly ChangedLayer[] => {
      if (changes === undefined || own !== number) return [];
      const { tensor } = changes;
      const sizes = sizesOf(plan, at, changes, before.get(tensor));
      after.set(tensor, withChange(after.get(tensor), sizes));
      const counted = changed.find((each) => each.tensor === tensor && each.what === what);
      const output_error = errorIn(compared, stage, { layer, what });
      const found = { ...sizes, zeros: counted?.zeros ?? null, output_error };
      return [{ stage, layer, what, tensor, ...found, seconds: stepSeconds[at] ?? 0 }];
    });
  });
}

function errorIn(compared: readonly Compared[], stage: string, { layer, what }: LayerPlace): number | null {
  const own = compared.find(({ model, measure }) => model === stage && measure === "output_error");
  return own?.values[own.at.findIndex((place) => place.layer === layer && place.what === what)] ?? null;
}

type Sizes = Pick<ChangedLayer, "elements" | "bytes_before" | "bytes_after">;

/** Of what a step makes of a tensor, or of a layer that is a part of one and has its share of the bytes. */
function sizesOf(
  plan: Plan,
  at: number,
  { of, outputs }: NonNullable<StepPart["changes"]>,
  source: Stored | undefined,
): Sizes {
  const slots = outputs.map((output) => outputOf(plan, at, output).slot);
  const share = of === undefined || source === undefined ? 1 : Math.min(1, of / source.elements);
  return {
    elements: of ?? plainElements(slots) ?? source?.elements ?? null,
    bytes_before: source ? share * source.bytes : null,
    bytes_after: slots.reduce((sum, slot) => sum + contentBytes(slot), 0),
  };
}

/** A tensor of which a whole or a part is changed. */
function withChange(
  now: Stored | undefined,
  { elements: own, bytes_before: before, bytes_after: bytes }: Sizes,
): Stored {
  const isPart = now !== undefined && before !== null && own !== null && own < now.elements && before < now.bytes;
  return isPart
    ? { bytes: now.bytes - before + bytes, elements: now.elements }
    : { bytes, elements: own ?? now?.elements ?? 0 };
}

/** Of a matrix of numbers; undefined of codes. */
function plainElements([only, ...others]: readonly Slot[]): number | undefined {
  return only && others.length === 0 && isFloatDType(fileType(only.dtype)) ? elements(only) : undefined;
}

const storedIn = (tensors: Checkpoint["tensors"]): readonly (readonly [string, Stored])[] =>
  [...tensors].map(([name, { bytes, shape }]) => [name, { bytes, elements: shape.reduce((n, size) => n * size, 1) }]);
