/** What streams past, sample after sample, and what is kept of it: each observation is noted in the trace. */
import type * as Ast from "../../grammar/ast.ts";
import { coneOf } from "../graph/cone.ts";
import type { Node } from "../graph/ops.ts";
import type { DType } from "../graph/type.ts";
import { type Context, emit, report } from "./context.ts";
import { type Dimension, graphDims, type Stream, type Tensor } from "./tensor.ts";
import type { Observation } from "./trace.ts";
import { showValue, type Value, type Wrong, wrong } from "./value.ts";

/** Windows of a model: two streams with the same key are one. */
export const keyOf = ({ model, windows: { corpus, split, length, draw } }: Stream): string =>
  `${model} ${corpus}.${split} ${length}${draw ? ` ${draw.count} ${draw.seed}` : ""}`;

/** A reduction over samples: of what each contributes. Null if that cannot be, which is said. */
export function observed(context: Context, node: Node, by: "sum" | "max" | "min", stream: Stream): Node | null {
  if (stream.keeps === "together") return stateOf(context, node, by, stream);
  const each = keptOfEach(context, node, stream);
  return each && emit(context, "reduce", [each], { by, over: ["sample"] }, node.origin);
}

/** Inside `observe`, activations may be read; what is kept has left what streams behind, or, of each window, all but that. */
export function keptBy(context: Context, { name, value }: Ast.Observe, seen: Value): Value {
  if (seen.kind !== "tensor")
    return seen.kind === "wrong" || seen.kind === "number"
      ? seen
      : report(context, { kind: "wrong-type", span: value.span, expected: "a tensor", found: showValue(seen) });
  const sample = seen.dims.find((dim) => dim.streamed);
  const isOfEach = sample?.streamed?.keeps === "each";
  const kept = seen.dims.filter(({ id, streamed }) => (isOfEach ? !streamed : streamed || id === "token"));
  if (kept.length > 0)
    return report(context, {
      kind: "observation-keeps",
      span: value.span,
      name: name.text,
      dims: kept.map((dim) => dim.name),
    });
  return sample ? collected(context, seen, sample) : seen;
}

/** What is observed of each sample is kept along `sample`; then it streams no more. */
function collected(context: Context, seen: Tensor, sample: Dimension): Tensor | Wrong {
  const { streamed, ...kept } = sample;
  const node = streamed ? keptOfEach(context, seen.node, streamed) : seen.node;
  return node ? { ...seen, dims: seen.dims.map((dim) => (dim.streamed ? kept : dim)), node } : wrong;
}

const severalNumbers = {
  what: "keeping more than one number of each window",
  hint: "reduce over all other dimensions before `sample`",
};

const oneAnother = {
  what: "an observation of a measure that reads another one",
  hint: "observe a number of each window, and combine the numbers after: both carry `sample`",
};

const noModel = { what: "an observation of a text that no model reads", hint: "as in `model(text.windows(512))`" };

function keptOfEach(context: Context, node: Node, stream: Stream): Node | null {
  const isRead = coneOf([node]).some(({ op, attrs }) => op === "input" && attrs.role === "state");
  const wrongWith = isRead
    ? oneAnother
    : node.type.dims.length > 0
      ? severalNumbers
      : stream.model === null
        ? noModel
        : undefined;
  if (!wrongWith) return stateOf(context, node, "each", stream);
  report(context, { kind: "not-supported", span: node.origin, ...wrongWith });
  return null;
}

/** The state that reads afterwards what was kept; equal observations have one. */
function stateOf(context: Context, node: Node, by: Observation["by"], stream: Stream): Node {
  const { observations } = context.trace;
  const ofStream = observations.filter((each) => keyOf(each.stream) === keyOf(stream));
  const old = ofStream.find((each) => each.node === node && each.by === by);
  const slot = old?.slot ?? (by === "each" ? `${keyOf(stream)} ${ofStream.length}` : `s${observations.length}`);
  if (!old) observations.push({ stream, node, by, slot, name: context.observing ?? "" });
  const count = context.countWindows(stream.windows) ?? Number.NaN;
  const own = { ...node.type, dims: [...graphDims(stream.layers ? [stream.layers] : []), ...node.type.dims] };
  const type = by === "each" ? { dtype: "f32" as DType, dims: [{ name: "sample", size: count }] } : own;
  return emit(context, "input", [], { name: slot, type, role: "state" }, node.origin);
}
