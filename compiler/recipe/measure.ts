/** Measures: what a recipe reports and expects of its models, from one pass over windows for each model and text. */
import type { Span } from "../../grammar/source.ts";
import { coneOf } from "../graph/cone.ts";
import type { Node } from "../graph/ops.ts";
import { windowTokens } from "../language/call.ts";
import { type Context, report, scopeIn } from "../language/context.ts";
import { declareDimension } from "../language/signature.ts";
import { open } from "../language/size.ts";
import { emit, graphDims } from "../language/tensor.ts";
import { type ModelValue, type Stream, showValue, type Tensor, type Value } from "../language/value.ts";
import { forward } from "../model/forward.ts";
import type { Recipe } from "./recipe.ts";
import type { Evaluation } from "./typed.ts";

export interface Measuring {
  /** By model and windows: measures of one model on the same windows share the pass. */
  readonly evaluations: Map<string, Evaluation>;
}

/** The context in which measures are evaluated: models can be called, and what is observed is kept per sample. */
export function measureScope(at: Recipe): Context {
  const { context } = at;
  const made: Context = {
    ...context,
    apply: (model, tokens, span) => applyTo(made, at, model, tokens, span),
    observer: {
      accumulate: (node, by, stream) => {
        const each = collect(made, at, node, stream);
        return emit(made, "reduce", [each], { by, over: ["sample"] }, node.origin);
      },
      collect: (each, stream) => collect(made, at, each, stream),
    },
  };
  return made;
}

const keyOf = ({ model, windows }: Stream) =>
  `${model?.name} ${windows.corpus}.${windows.split} ${windows.length}${windows.draw ? ` ${windows.draw.count} ${windows.draw.seed}` : ""}`;

/** Logits of a model: f32[sample, token, vocab], with `sample` knowing whose they are. */
function applyTo(context: Context, at: Recipe, model: ModelValue, tokens: Tensor, span: Span): Value {
  const stream = tokens.dims.find((dim) => dim.streamed)?.streamed;
  if (!stream) return report(context, { kind: "wrong-type", span, expected: windowTokens, found: showValue(tokens) });
  const mine: Stream = { windows: stream.windows, model };
  const marked: Tensor = {
    ...tokens,
    dims: tokens.dims.map((dim) => (dim.streamed ? { ...dim, streamed: mine } : dim)),
  };
  const type = at.models.get(model.name);
  if (!type) {
    const vocab = declareDimension(scopeIn(at.scope), "vocab", open("vocab"), "config");
    const dims = [...marked.dims, vocab];
    const type = { dtype: "f32" as const, dims: graphDims(dims) };
    return {
      kind: "tensor",
      dtype: "f32",
      dims,
      node: emit(context, "input", [], { name: "x", type, role: "data" }, span),
    };
  }
  const { entry, logits } = forward(context, type, at.scope, marked, span);
  const key = keyOf(mine);
  if (logits.kind !== "wrong" && !at.measuring.evaluations.has(key))
    at.measuring.evaluations.set(key, { of: model.name, windows: mine.windows, entry, kept: [] });
  return logits;
}

const severalNumbers = {
  what: "keeping more than one number of each window",
  hint: "reduce over all other dimensions before `sample`",
};

const oneAnother = {
  what: "an observation of a measure that reads another one",
  hint: "observe a number of each window, and combine the numbers after: both carry `sample`",
};

/** Keeps one value per window, read afterwards along `sample`. */
function collect(context: Context, at: Recipe, node: Node, stream: Stream): Node {
  const evaluation = at.measuring.evaluations.get(keyOf(stream));
  const count = context.countWindows(stream.windows);
  if (coneOf([node]).some(({ op, attrs }) => op === "input" && attrs.role === "state")) {
    report(context, { kind: "not-supported", span: node.origin, ...oneAnother });
    return node;
  }
  if (node.type.dims.length > 0) {
    report(context, { kind: "not-supported", span: node.origin, ...severalNumbers });
    return node;
  }
  const kept = evaluation?.kept ?? [];
  const old = kept.find((each) => each.node === node);
  const series = old?.series ?? `${keyOf(stream)} ${kept.length}`;
  if (!old) kept.push({ node, series });
  const type = { dtype: "f32" as const, dims: [{ name: "sample", size: count ?? Number.NaN }] };
  return emit(context, "input", [], { name: series, type, role: "state" }, node.origin);
}
