/** The steps of a plan that have ended, in earlier runs and in this one: known by their keys in the store's folder. */
import { storeNeeds } from "../../compiler/plan/durable.ts";
import { keyOf, plainRefs } from "../../compiler/plan/lifetimes.ts";
import { pendingSteps } from "../../compiler/plan/pending.ts";
import type { Plan, WindowsRecord } from "../../compiler/plan/plan.ts";
import type { Ref } from "../../compiler/plan/step.ts";
import { type GivenContents, type Identify, identifier } from "../../compiler/plan/step-keys.ts";
import { dawnPackage } from "../gpu/adapter.ts";
import { hashWindows, type Tokens } from "./chosen-windows.ts";
import type { GivenRef, GivenTensors } from "./given-tensors.ts";
import type { StepRecord } from "./journal.ts";
import type { OutputSource } from "./send-tensor.ts";
import type { StoreFolder } from "./store-folder.ts";

export interface FinishedSteps {
  /** The places of the steps that are to be run. What the others have made, as far as these read it, is given to `found`. */
  readonly pending: (found: (key: string, output: OutputSource) => void) => Promise<ReadonlySet<number>>;
  /** A step has ended, and its durable outputs are complete. */
  readonly record: (step: number, outcome: Outcome, seconds: number) => Promise<void>;
  /** What a step that has ended counted none of. */
  readonly noneOf: (step: number) => readonly string[];
  /** That a step took when it was run. */
  readonly secondsOf: (step: number) => number;
  /** An output is of no more use to later runs. */
  readonly drop: (step: number, output: string) => void;
}

/** What is kept of what a step has made. */
export type Outcome = Pick<StepRecord, "outputs" | "none">;

type Planned = Pick<Plan, "steps" | "programs" | "stages" | "windows">;

interface Given {
  readonly plan: Planned;
  /** What was read before. */
  readonly folder: Pick<StoreFolder, "hashOf" | "knowsFileOf">;
  readonly given: GivenTensors;
  readonly corpora: ReadonlyMap<string, Tokens>;
  /** The adapter and its driver. */
  readonly adapter: string;
}

interface Surroundings extends Given {
  readonly plan: Plan;
  readonly folder: StoreFolder;
  /** The most bytes that the folder may hold. */
  readonly limit: number;
}

export function finishedSteps(at: Surroundings): FinishedSteps {
  const { plan, folder, given, limit } = at;
  const identify = identitiesIn(at);
  const find = (step: number): StepRecord | undefined => {
    const key = identify(step)?.key;
    return key === undefined ? undefined : folder.find(key);
  };
  const outputOf = (step: number, name: string) => {
    const record = find(step);
    const output = record?.outputs.find((each) => each.name === name);
    return record && output ? { key: record.key, output } : undefined;
  };
  const search: FinishedSteps["pending"] = async (found) => {
    if (folder.isEmpty) return new Set(plan.steps.keys());
    await identifyAll(at, identify);
    const has = async (step: number, name: string): Promise<boolean> => {
      const there = outputOf(step, name);
      const source = there && (await folder.open(there.key, there.output));
      if (there === undefined || source === undefined) return false;
      found(keyOf({ step, output: name }), source);
      return true;
    };
    return pendingSteps(plan, { isDone: (step) => find(step) !== undefined, has });
  };
  return {
    pending: async (found) => {
      const pending = await search(found);
      const kept = [...plan.steps.keys()].flatMap((step) => find(step)?.key ?? []);
      folder.begin({ recipe: plan.recipe.name, kept, bytes: storeNeeds(plan, pending).bytes, limit });
      return pending;
    },
    record: async (step, outcome, seconds) => {
      for (const ref of givenIn(Object.values(plan.steps[step]?.reads ?? {}))) await given.hash(ref, { isUsed: false });
      const identity = identify(step);
      if (identity === undefined) throw new Error(`step ${step} has ended before what it reads`);
      folder.record({ ...identity, ...outcome, seconds });
    },
    noneOf: (step) => find(step)?.none ?? [],
    secondsOf: (step) => find(step)?.seconds ?? 0,
    drop: (step, name) => {
      const there = outputOf(step, name);
      if (there !== undefined) folder.drop(there.key, there.output);
    },
  };
}

const givenIn = (refs: readonly Ref[]): readonly GivenRef[] =>
  refs.flatMap(plainRefs).filter((ref): ref is GivenRef => "tensor" in ref);

/** What steps are known by, from what has been read of the models. */
export const identitiesIn = ({ plan, folder, given, corpora, adapter }: Given): Identify =>
  identifier(plan, {
    device: `${adapter}, webgpu ${dawnPackage}`,
    tensor: (model, tensor) => (given.isThere(model) ? folder.hashOf(given.find({ model, tensor })) : undefined),
    windows: windowHashes(plan, corpora),
  });

/** Identifies all steps that can be. Tensors of files that were never seen are read for that: they may be copies of what was. */
export async function identifyAll({ plan: { steps }, folder, given }: Given, identify: Identify): Promise<void> {
  const all = givenIn(steps.flatMap(({ reads }) => Object.values(reads)));
  const refs = all.filter(({ model }) => given.isThere(model));
  const unknown = new Map(refs.flatMap((ref) => (folder.knowsFileOf(given.find(ref)) ? [] : [[keyOf(ref), ref]])));
  for (const ref of unknown.values()) await given.hash(ref, { isUsed: false });
  for (const step of steps.keys()) identify(step);
}

/** By the number of the windows, each computed once. */
function windowHashes({ windows }: Planned, corpora: ReadonlyMap<string, Tokens>): GivenContents["windows"] {
  const hashes = new Map<number, string>();
  return (number) => {
    const known = hashes.get(number) ?? hashWindows(windows[number] as WindowsRecord, corpora);
    hashes.set(number, known);
    return known;
  };
}
