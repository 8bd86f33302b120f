/** How far the outputs of the layers that a stage has changed are from those before, on what enters them there. */
import type { Output } from "../../graph/graph.ts";
import { renameInputs } from "../../graph/replace.ts";
import { slotNames } from "../../graph/slots.ts";
import { invariant } from "../../invariant.ts";
import { ids, type Tensor, volume } from "../../language/tensor.ts";
import type { LinearInput } from "../../language/trace.ts";
import { applyLinear } from "../../model/linear.ts";
import { layersOf } from "../../model/value.ts";
import type { LayerPlace, Ref, ValueRecord } from "../../plan/step.ts";
import { blockPass } from "../forward-graphs.ts";
import { embed } from "../passes.ts";
import { addStep } from "../steps.ts";
import type { TypedStage } from "../typed.ts";
import { type Comparing, found, isOnWay, ofMade, type Pair, pairOf, valuesOf } from "./pair.ts";

/** Adds the steps, for a stage on the way to what is saved. */
export function compareOutputs(on: Comparing, stage: TypedStage): readonly ValueRecord[] {
  const isSaved = on.recipe.saves.some(({ of }) => isOnWay(on.recipe, stage, of));
  const pair = isSaved ? pairOf(on, stage.name) : null;
  const changes = pair ? changesIn(on, pair, stage) : [];
  if (!pair || changes.length === 0) return [];
  const places = changes.map(({ place }) => place);
  const of = { error: changes.map(({ error }) => error), square: changes.map(({ square }) => square) };
  return valuesOf(on, pair, places, { by: "output_errors", along: "layer", of });
}

/** Of a layer: the squares of the difference of its outputs, and of what they were. */
interface Change {
  readonly place: LayerPlace;
  readonly error: Ref;
  readonly square: Ref;
}

/** In the order of the forward pass. */
function changesIn(on: Comparing, pair: Pair, { selected }: TypedStage): readonly Change[] {
  const { at } = on;
  const { reference, made, passing, starts, both } = pair;
  const names = (layer: number | null): readonly string[] =>
    selected.flatMap((each) => (each.layer === layer ? [each.linear.name] : []));
  const isBehind = names(null).length > 0;
  const end = isBehind ? layersOf(reference.type) : 1 + Math.max(-1, ...selected.map(({ layer }) => layer ?? -1));
  const changes: Change[] = [];
  const compare = (layer: number | null, x: Ref, inputs: Inputs, handsOn: readonly Output[]): Ref | null => {
    const own = names(layer).flatMap((name) => outputsOf(on, name, inputs));
    const outputs = [...handsOn, ...own.flatMap((each) => [each.error, each.square])];
    if (outputs.length === 0) return null;
    const part = { ...passing.part, layer, what: "outputs" };
    const sources = { model: both, layer, over: passing.over, x };
    const kept = addStep(at, at.maker.graph("compare", outputs), sources, part);
    for (const { what, error, square } of own)
      changes.push({ place: { layer, what }, error: kept(error.name), square: kept(square.name) });
    return handsOn.length > 0 ? kept(slotNames.activation) : null;
  };
  let x = embed(at, reference, passing);
  for (let layer = 0; layer < end && x; layer++) {
    const [own, other] = [reference, made].map(({ type }) => blockPass(at, type, layer, passing.entry));
    invariant(own !== undefined && other !== undefined, "a pair has two models");
    const isLast = !isBehind && layer + 1 === end;
    const handsOn = own.result && !isLast ? [{ name: slotNames.activation, node: own.result }] : [];
    x = compare(layer, x, [own.inputs, other.inputs], handsOn);
  }
  const [own, other] = starts;
  if (isBehind && x) compare(null, x, [own.inputs, other.inputs], []);
  return changes;
}

/** The linear layers that a part of the model before meets, and that of the result. */
type Inputs = readonly [readonly LinearInput[], readonly LinearInput[]];

/** The two sums of a layer, which take on what each window adds; none where its part does not meet it once. */
function outputsOf(
  on: Comparing,
  name: string,
  inputs: Inputs,
): readonly { readonly what: string; readonly error: Output; readonly square: Output }[] {
  const [own, other] = inputs.map((all) => all.filter(({ linear }) => linear.name === name));
  const [before, after] = [own?.[0], other?.[0]];
  if (!before || !after || own?.length !== 1) return [];
  const { maker } = on.at.context;
  const made = (of: Tensor): Tensor => ({ ...of, node: renameInputs(maker, of.node, ofMade) });
  const [weight, bias] = [made(after.weight), after.bias && made(after.bias)];
  const values = { before: channels(on, before), after: channels(on, { ...before, weight, bias }) };
  const sums = found(on, "output_change", values);
  const sum = (field: string): Output => {
    const node = sums.get(field);
    invariant(node !== undefined, `nothing says the ${field} of ${name}`);
    return { name: `${field} of ${name}`, node, accumulate: "sum" };
  };
  return [{ what: name, error: sum("error"), square: sum("square") }];
}

/** What a layer makes of what reaches it, f32[token, channel], and 0 of what does not. */
function channels({ at: { context }, span }: Comparing, { linear, input, weight, bias, reached }: LinearInput): Tensor {
  const { make } = context.maker;
  const made = applyLinear(context, linear, input, weight, bias, span);
  invariant(made.kind === "tensor", `${linear.name} makes nothing`);
  const [own, token] = [made.dims.filter(({ id }) => id !== "token"), made.dims.filter(({ id }) => id === "token")];
  const zero = make("constant", [], { value: 0, dtype: "f32" }, span);
  const those = reached ? make("select", [reached, made.node, zero], {}, span) : made.node;
  const node = make("merge", [those], { dims: ids(own), into: "channel" }, span);
  return {
    ...made,
    dims: [...token, { id: "channel", name: "channel", size: volume(own), source: "the model" }],
    node,
  };
}
