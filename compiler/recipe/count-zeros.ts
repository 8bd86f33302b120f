/** `zeros(model)` and `pattern(model, 2:4)`: what is counted of the weights that stages have made 0. */
import type { Span } from "../../grammar/source.ts";
import type { Zeros } from "../effects/zeros.ts";
import type { Graph } from "../graph/graph.ts";
import type { Node } from "../graph/ops.ts";
import { slotNames } from "../graph/slots.ts";
import { sizeOf } from "../graph/type.ts";
import { type Context, report } from "../language/context.ts";
import { anything, form, modelOperand } from "../language/kinds.ts";
import { known } from "../language/size.ts";
import { volume } from "../language/tensor.ts";
import { type Callable, type Value, wrongType } from "../language/value.ts";
import { readCoded } from "../model/coded-matrix.ts";
import { tensorName } from "../model/declared-tensor.ts";
import { pieceOf } from "../model/pieces.ts";
import { matricesIn, type Selected } from "../model/selector.ts";
import { dtypeOf, type Model, type ModelType, storedNames } from "../model/value.ts";
import type { Ref } from "../plan/step.ts";
import { statesOf } from "./check-effects.ts";
import type { Checking } from "./checking.ts";
import { keyOf, type States } from "./effects.ts";
import { howMany } from "./finite.ts";
import { addStep, type Emitting, modelNamed } from "./steps.ts";
import type { Counted } from "./typed.ts";

/** The share of weights that are 0, of the layers in which stages make weights 0. */
export const zerosFunction = (at: Checking): Callable => ({
  kind: "callable",
  name: "zeros",
  form: () =>
    form({ model: modelOperand }, ({ model }, { span }) => {
      const { node, weights } = counting(at, model.name, null, span);
      const { make } = at.context.maker;
      const all = make("constant", [], { value: weights, dtype: "f32" }, span);
      const counts = make("cast", [node], { dtype: "f32" }, span);
      const sum = make("reduce", [counts], { by: "sum", over: ["layer"] }, span);
      return { kind: "tensor", dtype: "f32", dims: [], node: make("div", [sum, all], {}, span) };
    }),
});

/** Whether of each m neighbours in a row at most n are not 0, in those layers. */
export const patternFunction = (at: Checking): Callable => ({
  kind: "callable",
  name: "pattern",
  form: () =>
    form({ model: modelOperand, pattern: anything }, ({ model, pattern }, { context, span }): Value => {
      const wanted = pattern.value.kind === "sparsity" ? pattern.value.pattern : null;
      if (!wanted) {
        const hint = "of a share, `zeros(model)` is how much there is";
        return wrongType(context, pattern, "how many of so many neighbours stay, as in `2:4`", hint);
      }
      const { node } = counting(at, model.name, { keep: wanted.keep, of: wanted.of, in: "run" }, span);
      const { make } = context.maker;
      const broken = make("reduce", [node], { by: "max", over: ["layer"] }, span);
      const none = make("constant", [], { value: 0, dtype: "i32" }, span);
      return { kind: "tensor", dtype: "bool", dims: [], node: make("equal", [broken, none], {}, span) };
    }),
});

/** What will hold a count for each layer, and how many weights these have. */
function counting(at: Checking, model: string, pattern: Zeros | null, span: Span) {
  const type = at.models.get(model) ?? null;
  const layers = type ? prunedIn(type, statesOf(at, model)) : [];
  const slot = pattern ? slotNames.broken(model, pattern.keep, pattern.of) : slotNames.zerosIn(model);
  at.counts.set(slot, { model, pattern, layers, span });
  const dims = [{ name: "layer", size: type ? layers.length : Number.NaN }];
  const node = at.context.maker.make("input", [], { name: slot, type: { dtype: "i32", dims }, role: "state" }, span);
  const weights = layers.reduce((sum, { linear }) => sum + (known(volume([...linear.to, ...linear.from])) ?? 0), 0);
  return { node, weights };
}

/** The layers in which stages make weights 0, be it that others lose that; if there are none, those that stages change, or else all. */
function prunedIn(type: ModelType, states: States): readonly Selected[] {
  const all = matricesIn(type);
  const own = all.filter(({ linear }) => linear.tied === null && !linear.isTable);
  const isPruned = (each: Selected): boolean => {
    const state = states.get(keyOf(each));
    return state !== undefined && state.zeros.length + state.lost.length > 0;
  };
  const [pruned, changed] = [all.filter(isPruned), all.filter((each) => states.has(keyOf(each)))];
  return pruned.length > 0 ? pruned : changed.length > 0 ? changed : own;
}

/** Adds a step that counts for each layer; gives where the counts of each function are. */
export function emitCounts(at: Emitting, counts: ReadonlyMap<string, Counted>): readonly (readonly [string, Ref])[] {
  const graphs = new Map<string, Graph | null>();
  return [...counts].map(([slot, { model: name, pattern, layers, span }]) => {
    const model = modelNamed(at, name);
    const stack = layers.flatMap((each): Ref[] => {
      const tensor = tensorName(each.linear.weight, each.layer);
      const coded = model.type.facts?.tensors.get(tensor)?.coded;
      const sizes = [each.linear.to, each.linear.from].map((dims) => known(volume(dims)));
      const key = [slot, ...sizes, each.linear.name, dtypeOf(model.type, tensor), coded ? tensor : ""].join(" ");
      const graph = graphs.get(key) ?? graphFor(at, model, each, pattern, span);
      graphs.set(key, graph);
      if (!graph) return [];
      const others = new Map(
        storedNames(model.type, tensor).flatMap((stored): [string, Ref][] => {
          const ref = model.at.get(stored);
          return ref ? [[stored.replace(tensor, slotNames.weight), ref]] : [];
        }),
      );
      const part = { stage: null, of: name, layer: each.layer, what: `zeros of ${each.linear.name}` };
      return [addStep(at, graph, { model, layer: each.layer, others }, part)(slotNames.zeros)];
    });
    return [slot, { stack }];
  });
}

/** How many weights of a layer are 0, or how many runs have more that are not; null, and a problem, where there are no such runs. */
function graphFor(at: Emitting, model: Model, each: Selected, pattern: Zeros | null, span: Span): Graph | null {
  const { context, maker } = at;
  const weight = weightOf(context, model.type, each);
  if (!weight) return null;
  const zero = maker.make("constant", [], { value: 0, dtype: "f32" }, span);
  const isZero = maker.make("equal", [weight, zero], {}, span);
  if (!pattern) return maker.graph("zeros", [{ name: slotNames.zeros, node: howMany(maker, isZero) }]);
  const size = sizeOf(weight.type, "in") ?? 0;
  if (size % pattern.of > 0) {
    const what = `runs of ${pattern.of} along what \`${each.linear.name}\` reads`;
    report(context, { kind: "out-of-range", span, what, value: String(size), range: `a multiple of ${pattern.of}` });
    return null;
  }
  const into = [
    { name: "run", size: size / pattern.of },
    { name: "lane", size: pattern.of },
  ];
  const runs = maker.make("split", [maker.make("not", [isZero], {}, span)], { dim: "in", into }, span);
  const most = maker.make("constant", [], { value: pattern.keep, dtype: "i32" }, span);
  const isBroken = maker.make("less", [most, howMany(maker, runs, ["lane"])], {}, span);
  return maker.graph("pattern", [{ name: slotNames.zeros, node: howMany(maker, isBroken) }]);
}

/** The weight of a layer as it is stored, with the dimensions `out` and `in`. */
function weightOf(context: Context, type: ModelType, { linear, layer }: Selected): Node | null {
  const { make } = context.maker;
  const { among, span, isInFirst } = linear;
  const tensor = tensorName(linear.weight, layer);
  const coded = type.facts?.tensors.get(tensor)?.coded;
  const size = (dims: typeof linear.to): number => known(volume(dims)) ?? Number.NaN;
  const rows = { name: among ? among.rows.id : "out", size: size(among ? [among.rows] : linear.to) };
  const columns = { name: "in", size: size(linear.from) };
  const stored = { dtype: dtypeOf(type, tensor), dims: isInFirst ? [columns, rows] : [rows, columns] };
  const read = coded && readCoded(context, coded, slotNames.weight, span);
  if (coded && !read) return null;
  const whole = read
    ? make("rename", [read.node], { from: "out", to: rows.name }, span)
    : make("input", [], { name: slotNames.weight, type: stored, role: "weight" }, span);
  const out = { name: "out", size: size(linear.to) };
  return among ? pieceOf(context.maker, whole, among, among.place, [out], span) : whole;
}
