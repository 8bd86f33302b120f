/** What streams past, sample after sample, and what is kept of it: each observation is noted in the trace. */
import type * as Ast from "../../grammar/ast.ts";
import { coneOf } from "../graph/cone.ts";
import type { Node } from "../graph/ops.ts";
import { modelOf, slotNames, taskPartIn } from "../graph/slots.ts";
import { count } from "../graph/type.ts";
import { type Context, report } from "./context.ts";
import { type Dimension, graphDims, noWindows, type Stream, type Tensor } from "./tensor.ts";
import type { Observation } from "./trace.ts";
import { type Operand, type Value, type Wrong, wrong, wrongType } from "./value.ts";

/** Equal for equal windows through the same models. */
export const passKey = (
  { windows: { corpus, split, length, first, draw } }: Pick<Stream, "windows">,
  models: readonly string[],
): string =>
  [
    ...models,
    `${corpus}.${split}`,
    length,
    ...(first === null ? [] : [`first ${first}`]),
    ...(draw ? [draw.count, draw.seed] : []),
  ].join(" ");

/** A reduction over samples: of what each contributes. Null if that cannot be, which is said. */
export function observed(context: Context, node: Node, by: "sum" | "max" | "min", stream: Stream): Node | null {
  if (stream.keeps === "together") return stateOf(context, node, by, stream);
  const each = keptOfWindow(context, node, stream);
  return each && context.maker.make("reduce", [each], { by, over: ["sample"] }, node.origin);
}

/** Inside `observe`, activations may be read; what is kept, together or of each sample, streams no more. */
export function keptBy(context: Context, { name, value }: Ast.Observe, seen: Value): Value {
  if (seen.kind === "number") return seen;
  if (seen.kind !== "tensor") return wrongType(context, { value: seen, span: value.span }, "a tensor");
  const stream = seen.dims.find((dim) => dim.streamed)?.streamed;
  if (stream?.keeps !== "each" && seen.dims.some(({ id }) => id === "token"))
    return report(context, { kind: "observation-keeps", span: value.span, name: name.text });
  if (stream) return collected(context, seen, stream);
  return context.block && readsWeights(seen.node) ? ofBlocks(context, seen, context.block) : seen;
}

/** Whether a value is made of what is stored of a block. */
export const readsWeights = (value: Node): boolean =>
  coneOf([value]).some((node) => node.op === "input" && node.attrs.role === "weight");

/** What the weights of every block give, without any sample. */
function ofBlocks(context: Context, seen: Tensor, layers: Dimension): Tensor {
  const node = stateOf(context, seen.node, "once", { keeps: "together", windows: noWindows, layers });
  return { ...seen, dims: [layers, ...seen.dims], node };
}

/** `collect(x)`: what a number of the layer at hand is in every layer of the stage. */
export function ofAllLayers(context: Context, { value, span }: Operand & { readonly value: Tensor }): Value {
  const { layers, maker, trace } = context;
  const [what, hint] = ["`collect` without a layer at hand", "it is for methods on `linear`, outside of sweeps"];
  if (!layers) return report(context, { kind: "not-supported", span, what, hint });
  if (value.dims.length > 0)
    return wrongType(
      context,
      { value, span },
      "one number of the layer",
      "reduce it first: `collect(sum(x, over (out, in)))`",
    );
  trace.marks++;
  const old = trace.collections.find(({ node }) => node === value.node);
  const slot = old?.slot ?? slotNames.collected(trace.collections.length);
  if (!old) trace.collections.push({ node: value.node, slot });
  const type = { dtype: "f32" as const, dims: graphDims(layers) };
  const node = maker.make("input", [], { name: slot, type, role: "state" }, span);
  return { kind: "tensor", dtype: "f32", dims: layers, node };
}

/** What is observed of each sample is kept along `sample`. */
function collected(context: Context, seen: Tensor, stream: Stream): Tensor | Wrong {
  const isMeasure = stream.keeps === "each";
  const node = isMeasure ? keptOfWindow(context, seen.node, stream) : stateOf(context, seen.node, "each", stream);
  const dims = seen.dims.map(({ streamed, ...dim }) => dim);
  return node ? { ...seen, dims: stream.layers ? [stream.layers, ...dims] : dims, node } : wrong;
}

const tooMany = {
  what: "keeping more numbers of a window than it has tokens",
  hint: "reduce over other dimensions first, such as `vocab`",
};

const oneAnother = {
  what: "an observation of a measure that reads another one",
  hint: "observe both of each window, and combine what is kept after: both carry `sample`",
};

/** What does something else with a text than to read it with a model. */
export const noModel = (what: string) => ({
  what: `${what} of a text that no model reads`,
  hint: "as in `model(text.windows(512))`",
});

function keptOfWindow(context: Context, node: Node, stream: Stream): Node | null {
  const inputs = coneOf([node]).flatMap((each) => (each.op === "input" ? [each.attrs] : []));
  const models = new Set(inputs.flatMap(({ name }) => modelOf(name)?.model ?? []));
  const refused = (because: typeof tooMany): void => {
    report(context, { kind: "not-supported", span: node.origin, ...because });
  };
  // Only a model's sizes say so: what follows is as it is without them.
  const { length, task } = stream.windows;
  if (count(node.type) > length * (task?.choices ?? 1) && length > 0) refused(tooMany);
  const isNested = inputs.some(({ role }) => role === "state");
  const isRead = models.size > 0 || inputs.some(({ name }) => taskPartIn(name) !== undefined);
  if (!isNested && isRead) return stateOf(context, node, "each", stream, [...models]);
  refused(isNested ? oneAnother : noModel("an observation"));
  return null;
}

/** The state that reads afterwards what was kept; equal observations have one. */
function stateOf(
  context: Context,
  node: Node,
  by: Observation["by"],
  stream: Stream,
  models: readonly string[] = [],
): Node {
  const { observations } = context.trace;
  context.trace.marks++;
  const key = passKey(stream, models);
  const alike = observations.filter((each) => passKey(each.stream, each.models) === key);
  const old = alike.find((each) => each.node === node && each.by === by);
  const slot = old?.slot ?? (stream.keeps === "each" ? `${key} ${alike.length}` : `s${observations.length}`);
  if (!old) observations.push({ stream, models, node, by, slot, name: context.observing ?? "" });
  const windows = { name: "sample", size: context.countWindows(stream.windows) ?? Number.NaN };
  const layers = graphDims(stream.layers ? [stream.layers] : []);
  const type = { ...node.type, dims: [...layers, ...(by === "each" ? [windows] : []), ...node.type.dims] };
  return context.maker.make("input", [], { name: slot, type, role: "state" }, node.origin);
}
