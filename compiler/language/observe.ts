/** What streams past, sample after sample, and what is kept of it: each observation is noted in the trace. */
import type * as Ast from "../../grammar/ast.ts";
import { coneOf } from "../graph/cone.ts";
import type { Node } from "../graph/ops.ts";
import { modelOf } from "../graph/slots.ts";
import { count } from "../graph/type.ts";
import { type Context, emit, report } from "./context.ts";
import { type Dimension, graphDims, type Stream, type Tensor } from "./tensor.ts";
import type { Observation } from "./trace.ts";
import { type Value, type Wrong, wrong, wrongType } from "./value.ts";

/** Equal for equal windows through the same models. */
export const keyOf = ({ windows: { corpus, split, length, draw } }: Stream, models: readonly string[]): string =>
  [...models, `${corpus}.${split}`, length, ...(draw ? [draw.count, draw.seed] : [])].join(" ");

/** A reduction over samples: of what each contributes. Null if that cannot be, which is said. */
export function observed(context: Context, node: Node, by: "sum" | "max" | "min", stream: Stream): Node | null {
  if (stream.keeps === "together") return stateOf(context, node, by, stream);
  const each = keptOfEach(context, node, stream);
  return each && emit(context, "reduce", [each], { by, over: ["sample"] }, node.origin);
}

/** Inside `observe`, activations may be read; what is kept has left what streams behind, unless it is kept of each window. */
export function keptBy(context: Context, { name, value }: Ast.Observe, seen: Value): Value {
  if (seen.kind === "number") return seen;
  if (seen.kind !== "tensor") return wrongType(context, { value: seen, span: value.span }, "a tensor");
  const sample = seen.dims.find((dim) => dim.streamed);
  const isOfEach = sample?.streamed?.keeps === "each";
  const kept = seen.dims.filter(({ id, streamed }) => !isOfEach && (streamed || id === "token"));
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

const tooMany = {
  what: "keeping more numbers of a window than it has tokens",
  hint: "reduce over other dimensions first, such as `vocab`",
};

const oneAnother = {
  what: "an observation of a measure that reads another one",
  hint: "observe both of each window, and combine what is kept after: both carry `sample`",
};

const noModel = { what: "an observation of a text that no model reads", hint: "as in `model(text.windows(512))`" };

function keptOfEach(context: Context, node: Node, stream: Stream): Node | null {
  const inputs = coneOf([node]).flatMap((each) => (each.op === "input" ? [each.attrs] : []));
  const models = new Set(inputs.flatMap(({ name }) => modelOf(name)?.model ?? []));
  const wrongWith = inputs.some(({ role }) => role === "state")
    ? oneAnother
    : count(node.type) > stream.windows.length && stream.windows.length > 0
      ? tooMany
      : models.size === 0
        ? noModel
        : undefined;
  if (!wrongWith) return stateOf(context, node, "each", stream, [...models]);
  report(context, { kind: "not-supported", span: node.origin, ...wrongWith });
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
  const key = keyOf(stream, models);
  const alike = observations.filter((each) => keyOf(each.stream, each.models) === key);
  const old = alike.find((each) => each.node === node && each.by === by);
  const slot = old?.slot ?? (by === "each" ? `${key} ${alike.length}` : `s${observations.length}`);
  if (!old) observations.push({ stream, models, node, by, slot, name: context.observing ?? "" });
  const windows = { name: "sample", size: context.countWindows(stream.windows) ?? Number.NaN };
  const first = by === "each" ? [windows] : graphDims(stream.layers ? [stream.layers] : []);
  const type = { ...node.type, dims: [...first, ...node.type.dims] };
  return emit(context, "input", [], { name: slot, type, role: "state" }, node.origin);
}
