/**
 * A stage that chooses, as steps: block by block what each candidate makes of its layers, and what the last hidden state feels of that
 * where everything else is as given. Of all that only numbers stay.
 */
import type { Graph } from "../../graph/graph.ts";
import { invariant } from "../../invariant.ts";
import { report } from "../../language/context.ts";
import type { Tensor } from "../../language/tensor.ts";
import type { Linear } from "../../language/trace.ts";
import { tensorName } from "../../model/declared-tensor.ts";
import { bytesOf } from "../../model/facts.ts";
import { layersOf, type Model, type ModelType } from "../../model/value.ts";
import { showBytes } from "../../plan/bytes.ts";
import type { Ref, Step, StepPart } from "../../plan/step.ts";
import { readTogether } from "../calibration.ts";
import { blockPass } from "../forward-graphs.ts";
import { embed, type Passing, passingOf, throughBlock } from "../passes.ts";
import { resultOf, type StageWork } from "../stage-on-linears.ts";
import { type Emitting, modelNamed } from "../steps.ts";
import type { TypedStage } from "../typed.ts";
import { type Chain, chainOf, emitChain, requireAlone } from "./chain.ts";
import { reachOf } from "./choose.ts";
import { type AtOnce, atOnce, harmIn, harmTo, inPlace, tensorsOf } from "./in-place.ts";

/** Layers that choose together: those that read one activation, which loaders make one layer of, and those that share a tensor. */
export interface Unit {
  /** `gate, up of layer 3` */
  readonly text: string;
  /** The tensors of their weights, then those of biases that a candidate gives. */
  readonly tensors: readonly string[];
  /** What they take of each candidate. */
  readonly bytes: readonly number[];
  /** What the last hidden state feels of each candidate. */
  readonly harms: readonly Ref[];
}

/** A choice that is open. */
export interface Question {
  readonly stage: TypedStage;
  readonly units: readonly Unit[];
  /** The bytes of the model but for the units. */
  readonly rest: number;
  /** The most that the model may have. */
  readonly budget: number;
  /** The model with each candidate for all layers, and with all of them side by side. */
  readonly types: readonly ModelType[];
  readonly mixed: ModelType;
}

/** A step that tries something, where people and problems place it: of what is tried nothing is the model's, so it changes no weight. */
function tried<Program>(step: Step<Program>, { name, candidates = [] }: TypedStage): Step<Program> {
  const { of, layer, what, stage } = step.part;
  const by = candidates.find(({ stages }) => stages.some((each) => each.name === of));
  const part: StepPart = { stage, of: name, layer, what: by ? `${what} by ${by.text}` : what };
  const told = (otherwise: string): string => `${part.what}: ${otherwise.replace(`${what}: `, "")}`;
  const checks = step.checks.map((check) => (by ? { ...check, otherwise: told(check.otherwise) } : check));
  return { ...step, part, checks };
}

/** Adds the steps of a stage, by its number, whose choice is open; null if there was a problem. */
export function emitTrial(at: Emitting, stage: TypedStage, number: number): Question | null {
  const { windows, candidates = [], span } = stage;
  const given = modelNamed(at, stage.of);
  const outside = stage.selected.find(({ layer }) => layer === null);
  if (outside) {
    const what = `a choice for \`${outside.linear.name}\`, which is no layer of a block,`;
    report(at.context, { kind: "not-supported", span, what, hint: `add \`except ${outside.linear.name}\`` });
  }
  const few = windows && atOnce(at, { ...stage, windows }, given, number);
  const calibration = passingOf(at, given, stage, number);
  if (!calibration || !few || outside) return null;
  const chains = candidates.map(({ stages }) => {
    const chain = chainOf(
      at,
      stages.map((each) => ({ stage: each, number })),
      given,
      calibration,
    );
    requireAlone(at, chain);
    return chain;
  });
  const harm = harmIn(at, stage, few);
  const first = at.steps.length;
  const units = harm && inBlocks({ at, stage, given, calibration, few, chains, harm });
  at.steps.push(...at.steps.splice(first).map((step) => tried(step, stage)));
  if (!units) return null;
  const chosen = units.flatMap(({ tensors }) => tensors);
  const bytes = chosen.reduce((sum, tensor) => sum + bytesIn(given.type, tensor), 0);
  const all = stage.applied.arguments.get("bytes");
  const budget = all?.kind === "number" ? (all.real ?? Infinity) : Infinity;
  const rest = (given.type.facts ? bytesOf(given.type.facts) : 0) - bytes;
  const types = chains.map(typeOf);
  const question = { stage, units, rest, budget, types, mixed: mixedOf(given.type, types, units) };
  requireRoom(at, question);
  return question;
}

/** A model of which units take one candidate after the other. */
function mixedOf(given: ModelType, types: readonly ModelType[], units: readonly Unit[]): ModelType {
  const taken = new Map(
    units.flatMap(({ tensors }, i) => tensors.map((tensor) => [tensor, types[i % types.length]] as const)),
  );
  const facts = given.facts && {
    ...given.facts,
    tensors: new Map(
      [...given.facts.tensors].map(([name, tensor]) => [name, taken.get(name)?.facts?.tensors.get(name) ?? tensor]),
    ),
  };
  return { ...given, facts };
}

/** Says where even the smallest choice is too large. */
function requireRoom({ context }: Emitting, question: Question): void {
  const { stage, budget, rest } = question;
  const { least } = reachOf(question);
  if (least <= budget) return;
  const range = `at least ${showBytes(least)} (${least}), which the model takes with the smallest candidate for every layer`;
  const hint = `allow more, add a smaller candidate, or let more layers choose: those that do not, and tables and norms, take ${showBytes(rest)} of it`;
  report(context, { kind: "out-of-range", span: stage.span, what: "`bytes`", value: showBytes(budget), range, hint });
}

interface Trial {
  readonly at: Emitting;
  readonly stage: TypedStage;
  readonly given: Model;
  readonly calibration: Passing;
  /** The windows that go through the model with each candidate. */
  readonly few: AtOnce;
  readonly chains: readonly Chain[];
  /** What the last state feels, from what it was and what it is. */
  readonly harm: Graph;
}

/** Goes through the blocks; null if a pass is wrong. */
function inBlocks(trial: Trial): readonly Unit[] | null {
  const { at, given, calibration, few, chains } = trial;
  const { part } = calibration;
  const types = new Map<string, ModelType>();
  const once = (model: Model, layer: number, x: Ref, entry: Tensor, of = part.of): Ref | null =>
    throughBlock(at, model, layer, x, { entry, part: { ...part, of }, over: null });
  const open: { readonly unit: Omit<Unit, "harms">; states: Ref | null }[] = [];
  let [x, y] = [embed(at, given, calibration), embed(at, given, few.passing)];
  for (let layer = 0; layer < layersOf(given.type) && x && y; layer++) {
    const before = y;
    const entering = { over: calibration.over, x };
    for (const chain of chains)
      emitChain(chain, layer, ({ source }) =>
        source.type === chain[0]?.source.type ? { ...entering, model: given } : entering,
      );
    for (const each of open) each.states &&= once(given, layer, each.states, few.all);
    for (const linears of unitsIn(trial, layer)) {
      const stack = chains.flatMap((chain) => {
        const made = resultOf(lastOf(chain));
        return once(inPlace(at, given, made, { linears, layer, types }), layer, before, few.one, made.name) ?? [];
      });
      if (stack.length < chains.length) return null;
      open.push({ unit: unitOf(trial, layer, linears), states: { stack } });
    }
    x = throughBlock(at, given, layer, x, calibration);
    y = once(given, layer, before, few.one);
  }
  return open.flatMap(({ unit, states }) => (y && states ? [{ ...unit, harms: harmsIn(trial, y, states) }] : []));
}

/** What the last state feels of each candidate. */
const harmsIn = ({ at, chains, harm, calibration: { part } }: Trial, before: Ref, states: Ref): readonly Ref[] =>
  chains.map((chain, element) => {
    const after = "stack" in states ? (states.stack[element] ?? states) : { element, of: states };
    return harmTo(at, harm, { ...part, of: lastOf(chain).stage.name }, { before, after });
  });

/** The layers of a block that choose together: those that read one activation, or have parts of one tensor. */
function unitsIn({ at, given, few, stage }: Trial, layer: number): readonly (readonly Linear[])[] {
  const own = stage.selected.flatMap((each) => (each.layer === layer ? [each.linear] : []));
  const { inputs } = blockPass(at, given.type, layer, few.one);
  const reads = (linear: Linear): string => {
    const met = inputs.find((input) => input.linear.name === linear.name);
    return met ? readTogether(met) : "";
  };
  return [...Map.groupBy(own, reads).values()].reduce<readonly (readonly Linear[])[]>((units, more) => {
    const isShared = (unit: readonly Linear[]): boolean =>
      unit.some(({ weight }) => more.some((each) => each.weight === weight));
    return [...units.filter((unit) => !isShared(unit)), [...units.filter(isShared).flat(), ...more]];
  }, []);
}

function unitOf({ given, chains }: Trial, layer: number, linears: readonly Linear[]): Omit<Unit, "harms"> {
  const types = chains.map(typeOf);
  const isThere = (tensor: string): boolean => [given.type, ...types].some(({ facts }) => facts?.tensors.has(tensor));
  const tensors = tensorsOf(linears)
    .map((name) => tensorName(name, layer))
    .filter(isThere);
  return {
    text: `${linears.map(({ name }) => name).join(", ")} of layer ${layer}`,
    tensors,
    bytes: types.map((type) => tensors.reduce((sum, tensor) => sum + bytesIn(type, tensor), 0)),
  };
}

const bytesIn = ({ facts }: ModelType, tensor: string): number => facts?.tensors.get(tensor)?.bytes ?? 0;

function lastOf(chain: Chain): StageWork {
  const last = chain.at(-1);
  invariant(last !== undefined, "a candidate is a method, or several");
  return last;
}

/** What a candidate makes of a model if it is that of all layers. */
const typeOf = (chain: Chain): ModelType => resultOf(lastOf(chain)).type;
