/**
 * A stage that chooses, as steps: block by block what each candidate makes of its layers and what that costs their outputs, and how
 * much the last hidden state feels of a probe. Of all that only numbers stay.
 */

import { slotNames } from "../../graph/slots.ts";
import { invariant } from "../../invariant.ts";
import { given as givenValues } from "../../language/bind.ts";
import { report } from "../../language/context.ts";
import { dataInput } from "../../language/operations.ts";
import { scopeIn } from "../../language/scope.ts";
import { type Tensor, volume, type Windows } from "../../language/tensor.ts";
import type { Linear } from "../../language/trace.ts";
import { showValue } from "../../language/value.ts";
import { tensorName } from "../../model/declared-tensor.ts";
import { bytesOf } from "../../model/facts.ts";
import { layersOf, type Model, type ModelType } from "../../model/value.ts";
import { showBytes } from "../../plan/bytes.ts";
import type { Check, Ref, Step, StepPart } from "../../plan/step.ts";
import { readTogether } from "../calibration.ts";
import { areAlike } from "../collections.ts";
import { blockPass, entryOf, startOf } from "../forward-graphs.ts";
import { addLayer, newLayersOf, readBeside } from "../new-layers.ts";
import { othersNamed } from "../other-models.ts";
import type { PartWork, StageOnPart } from "../part-work.ts";
import { embed, type Passing, throughBlock } from "../passes.ts";
import {
  type BegunWork,
  collect,
  type Entering,
  isCollecting,
  type MakePart,
  observe,
  resultOf,
  type StageWork,
  workOf,
} from "../stage-on-linears.ts";
import { addStep, type Emitting, modelNamed, windowsNumber } from "../steps.ts";
import type { Candidate, TypedStage } from "../typed.ts";
import { reachOf } from "./choose.ts";

/** Layers that choose together: those that read one activation, which loaders make one layer of. */
export interface Unit {
  /** `gate, up of layer 3` */
  readonly text: string;
  /** The tensors of their weights. */
  readonly tensors: readonly string[];
  /** What they take of each candidate. */
  readonly bytes: readonly number[];
  /** What the last hidden state feels of the probe, and of each layer what the probe costs it and what each candidate does. */
  readonly change: Ref;
  readonly errors: readonly { readonly probe: Ref; readonly candidates: readonly Ref[] }[];
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

/** How many tokens the probes go through, in whole windows of the calibration: more hardly change what is found of a layer. */
const probedTokens = 512;

/** Adds the steps of a stage, by its number, whose choice is open; null if there was a problem. */
export function emitTrial(at: Emitting, stage: TypedStage, number: number): Question | null {
  const { windows, candidates = [], span } = stage;
  const given = modelNamed(at, stage.of);
  const outside = stage.selected.find(({ layer }) => layer === null);
  if (outside) {
    const what = `a choice for \`${outside.linear.name}\`, which is no layer of a block,`;
    report(at.context, { kind: "not-supported", span, what, hint: `add \`except ${outside.linear.name}\`` });
  }
  const entry = windows && startOf(at, given.type, windows.length, span).entry;
  if (!windows || !entry || outside) return null;
  const passing = (over: Windows): Passing => ({
    ...{ entry: entryOf(entry), over: windowsNumber(at, over) },
    part: { stage: number, of: stage.name },
  });
  const trial: Trial = {
    ...{ at, stage, number, given, entry: entryOf(entry) },
    calibration: passing(windows),
    few: passing(fewOf(windows)),
    chains: candidates.map((candidate) => chainOf(at, candidate, number, given, passing(windows))),
    probe: alone(workOf(at, stage, number, { ...given, at: new Map(given.at) })),
  };
  const first = at.steps.length;
  const types = candidates.map(({ stages }) => stages.reduce((type, each) => each.type ?? type, given.type));
  const units = inBlocks(trial, types);
  at.steps.push(...at.steps.splice(first).map((step) => tried(step, stage)));
  if (!units) return null;
  const chosen = units.flatMap(({ tensors }) => tensors);
  const bytes = chosen.reduce((sum, tensor) => sum + bytesIn(given.type, tensor), 0);
  const all = stage.applied.arguments.get("bytes");
  const budget = all?.kind === "number" ? (all.real ?? Infinity) : Infinity;
  const rest = (given.type.facts ? bytesOf(given.type.facts) : 0) - bytes;
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
  readonly number: number;
  readonly given: Model;
  readonly entry: Tensor;
  readonly calibration: Passing;
  /** The probes' windows. */
  readonly few: Passing;
  readonly chains: readonly (readonly StageWork[])[];
  readonly probe: StageWork;
}

const fewOf = (windows: Windows): Windows => {
  const { draw, first, length } = windows;
  const probed = Math.ceil(probedTokens / length);
  return draw
    ? { ...windows, draw: { ...draw, count: Math.min(draw.count, probed) } }
    : { ...windows, first: Math.min(first ?? probed, probed) };
};

/** The works of a candidate's stages, each on what the one before makes. */
function chainOf(
  at: Emitting,
  { stages }: Candidate,
  number: number,
  given: Model,
  passing: Passing,
): readonly StageWork[] {
  const works: StageWork[] = [];
  for (const stage of stages) {
    const before = works.at(-1);
    const begun = workOf(at, stage, number, before ? resultOf(before) : { ...given, at: new Map(given.at) });
    at.models.set(stage.name, resultOf(begun));
    if (before) requireAlone(at, begun);
    works.push(
      before || !areAlike(at, stage, begun.parts) ? alone(begun) : { ...begun, collected: collect(begun, passing) },
    );
  }
  return works;
}

/** A stage whose method looks at no other layers than its own. */
const alone = (begun: BegunWork): StageWork => ({ ...begun, collected: () => new Map() });

/** Says where a method looks at all layers that others of its chain have yet to make. */
function requireAlone({ context }: Emitting, { stage: { applied, span }, parts }: BegunWork): void {
  if (![...parts.values()].some(({ before }) => before.layers.some(isCollecting))) return;
  const what = `\`${applied.method.name.text}\`, which looks at all layers, behind another method of a candidate`;
  report(context, { kind: "not-supported", span, what, hint: "it can be the first" });
}

/** Adds the steps of a stage on a layer: its statistics, then its changes. */
function emitPart(work: StageWork, layer: number, entering: Entering): void {
  const part = work.parts.get(layer);
  if (part) part.change({ ...work, layer }, observe(work, layer, part.passes, entering));
}

/** Goes through the blocks; null if a pass is wrong. */
function inBlocks(trial: Trial, types: readonly ModelType[]): readonly Unit[] | null {
  const { at, given, calibration, few, chains, probe } = trial;
  const costs = [costWork(trial, probe), ...chains.map((chain) => costWork(trial, chain.at(-1) as StageWork))];
  const felt: { readonly unit: Omit<Unit, "change">; x: Ref | null }[] = [];
  let [x, y] = [embed(at, given, calibration), embed(at, given, few)];
  for (let layer = 0; layer < layersOf(given.type) && x && y; layer++) {
    const before = y;
    const entering = { over: calibration.over, x, model: given };
    for (const chain of chains) emitChain(chain, layer, entering);
    for (const work of [probe, ...costs]) emitPart(work, layer, entering);
    for (const each of felt) each.x &&= throughBlock(at, given, layer, each.x, few);
    for (const linears of unitsIn(trial, layer)) {
      const unit = unitOf(trial, layer, linears, costs, types);
      felt.push({ unit, x: throughBlock(at, withProbe(trial, unit), layer, before, few) });
    }
    x = throughBlock(at, given, layer, x, calibration);
    y = throughBlock(at, given, layer, before, few);
  }
  const units: Unit[] = [];
  for (const { unit, x: after } of felt) {
    const change = y && after && changeOf(trial, y, after);
    if (!change) return null;
    units.push({ ...unit, change });
  }
  return units;
}

/** Adds the steps of a candidate on a layer. */
function emitChain(chain: readonly StageWork[], layer: number, entering: Entering): void {
  for (const [i, work] of chain.entries()) {
    const before = chain[i - 1];
    if (before) {
      work.now.clear();
      for (const [name, ref] of before.now) work.now.set(name, ref);
    }
    const isAlike = work.source.type === chain[0]?.source.type;
    emitPart(work, layer, isAlike ? entering : { over: entering.over, x: entering.x });
  }
}

/** The layers of a block that choose, by what they read. */
function unitsIn({ at, given, entry, stage }: Trial, layer: number): readonly (readonly Linear[])[] {
  const own = stage.selected.flatMap((each) => (each.layer === layer ? [each.linear] : []));
  const { inputs } = blockPass(at, given.type, layer, entry);
  const reads = (linear: Linear): string => {
    const met = inputs.find((input) => input.linear.name === linear.name);
    return met ? readTogether(met) : "";
  };
  return [...Map.groupBy(own, reads).values()];
}

function unitOf(
  { stage }: Trial,
  layer: number,
  linears: readonly Linear[],
  costs: readonly StageWork[],
  types: readonly ModelType[],
): Omit<Unit, "change"> {
  const tensors = [...new Set(linears.map(({ weight }) => tensorName(weight, layer)))];
  const errors = linears.map((linear) => {
    const [probe, ...candidates] = costs.map(({ now }) => now.get(errorOf(linear, layer)));
    invariant(
      probe !== undefined && candidates.every((ref) => ref !== undefined),
      `${stage.name} measures no ${linear.name}`,
    );
    return { probe, candidates };
  });
  return {
    text: `${linears.map(({ name }) => name).join(", ")} of layer ${layer}`,
    tensors,
    bytes: types.map((type) => tensors.reduce((sum, tensor) => sum + bytesIn(type, tensor), 0)),
    errors,
  };
}

const bytesIn = ({ facts }: ModelType, tensor: string): number => facts?.tensors.get(tensor)?.bytes ?? 0;

/** The given model with the probe in the place of a unit's weights. */
const withProbe = ({ given, probe }: Trial, { tensors }: Omit<Unit, "change">): Model => ({
  ...given,
  at: new Map([...given.at].map(([name, ref]) => [name, tensors.includes(name) ? (probe.now.get(name) ?? ref) : ref])),
});

/** Where the error of a layer is found. */
const errorOf = ({ at, name }: Linear, layer: number | null): string =>
  `${slotNames.error} of ${tensorName(at, layer)} ${name}`;

/** The work that measures what a stage has made. */
function costWork({ at, stage, number, given }: Trial, of: StageWork): StageWork {
  const name = `${stage.name}, ${of.stage.name}`;
  at.models.set(name, { ...resultOf(of), name });
  const others = othersNamed(at, new Map([[slotNames.made, name]]), { stage: number, of: stage.name });
  const make: MakePart = (on, linears) => measured(on, linears, of.stage.name);
  return alone(workOf(at, stage, number, { ...given, at: new Map(given.at) }, { others, make }));
}

/** What the outputs of each layer of a part lose by what a stage has made, by its name. */
function measured(on: StageOnPart, linears: readonly Linear[], made: string): PartWork {
  const { layers, passes, before } = newLayersOf(on, linears, (output) => output === slotNames.error);
  return {
    ...{ passes, before },
    change: (changing, statistics) => {
      const { number, now, layer } = changing;
      for (const each of layers) {
        const { linear, checks } = each;
        const part = { stage: number, of: made, layer, what: `the error of ${linear.name}` };
        const others = new Map(readBeside(each, changing, statistics));
        const cost = addLayer(changing, { ...each, checks: [...checks, finiteError] }, others, part);
        now.set(errorOf(linear, layer), cost(slotNames.error));
      }
    },
  };
}

const finiteError: Check = {
  ...{ output: slotNames.error, must: "finite" },
  otherwise: "what this changes of the layer's outputs is {n}, by which nothing can be chosen; look at the method",
};

const finiteChange: Check = {
  ...{ output: "change", must: "finite" },
  otherwise:
    "what a little noise on a layer does to the last hidden state is {n}, by which nothing can be chosen; the model's weights are too large or unsound",
};

/** Adds the step that says how far the last hidden state is from what it was, over all of the probes' windows. */
function changeOf({ at, stage, number, entry, few }: Trial, before: Ref, after: Ref): Ref | null {
  const { context, maker } = at;
  const { span, applied } = stage;
  const scope = scopeIn(null);
  const declared = applied.scope.values.get("change");
  const lacks = (found: string): null => {
    const expected = `a function \`change(before, after)\` beside \`${applied.method.name.text}\` that gives a number of two states, f32[token, channel]`;
    report(context, { kind: "wrong-type", span: applied.method.name.span, expected, found });
    return null;
  };
  if (declared?.kind !== "callable") return lacks("none");
  const call = { context, scope, span };
  const value = (name: string) => ({ value: channels(at, entry, name, stage), span });
  const values = new Map(["before", "after"].map((name) => [name, value(name)]));
  const found = declared.form([]).apply(call, givenValues(scope, values));
  if (found.kind === "wrong") return null;
  if (found.kind !== "tensor" || found.dtype !== "f32" || found.dims.length > 0) return lacks(showValue(found));
  const graph = maker.graph("change", [{ name: "change", node: found.node, accumulate: "sum" }]);
  const part = { stage: number, of: stage.name, layer: null, what: "change" };
  const others = new Map([
    ["before", before],
    ["after", after],
  ]);
  return addStep(at, graph, { model: { at: new Map() }, layer: null, over: few.over, others }, part, [finiteChange])(
    "change",
  );
}

/** What a block hands on, f32[token, channel]. */
function channels({ context }: Emitting, { dims }: Tensor, name: string, { span }: TypedStage): Tensor {
  const whole = dataInput(context, name, "f32", dims, span);
  const [own, token] = [dims.filter(({ id }) => id !== "token"), dims.filter(({ id }) => id === "token")];
  const node = context.maker.make("merge", [whole.node], { dims: own.map(({ id }) => id), into: "channel" }, span);
  const channel = { id: "channel", name: "channel", size: volume(own), source: "the model" };
  return { ...whole, dims: [...token, channel], node };
}
