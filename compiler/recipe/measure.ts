/** Measures: what a recipe reports and expects of its models, from one pass over windows for each model and text. */
import { emit, report } from "../language/context.ts";
import { windowTokens } from "../language/kinds.ts";
import { keyOf } from "../language/observe.ts";
import { scopeIn } from "../language/scope.ts";
import { handOver } from "../language/signature.ts";
import { open } from "../language/size.ts";
import { type Dimension, graphDims, type Stream, type Tensor } from "../language/tensor.ts";
import type { Observation } from "../language/trace.ts";
import { type Call, type ModelValue, showValue, type Value, wrong } from "../language/value.ts";
import { forward } from "../model/forward.ts";
import type { Recipe } from "./recipe.ts";
import type { Evaluation } from "./typed.ts";

/** By model and windows: measures of one model on the same windows share the pass. */
export type Evaluations = Map<string, Omit<Evaluation, "kept">>;

/** Logits of a model: f32[sample, token, vocab], with `sample` knowing whose they are. */
export const logitsFor =
  (at: Recipe): ModelValue["apply"] =>
  (call, model, tokens) => {
    const { context, span } = call;
    const stream = tokens.value.dims.find((dim) => dim.streamed)?.streamed;
    if (!stream)
      return report(context, { kind: "wrong-type", span, expected: windowTokens, found: showValue(tokens.value) });
    const mine: Stream = { ...stream, model: model.name };
    const dims = tokens.value.dims.map((dim) => (dim.streamed ? { ...dim, streamed: mine } : dim));
    const logits = logitsOf(at, call, model, mine, { ...tokens.value, dims });
    return logits.kind === "tensor" ? toCaller(call, logits, dims) : logits;
  };

function logitsOf(at: Recipe, { context, span }: Call, model: ModelValue, stream: Stream, tokens: Tensor): Value {
  const type = at.models.get(model.name);
  if (!type) {
    const dims: Dimension[] = [...tokens.dims, { id: "vocab", name: "vocab", size: open("vocab"), source: "config" }];
    const attrs = { name: model.name, type: { dtype: "f32", dims: graphDims(dims) }, role: "data" } as const;
    return { kind: "tensor", dtype: "f32", dims, node: emit(context, "input", [], attrs, span) };
  }
  const { entry, logits } = forward(context, type, scopeIn(null), tokens, span);
  const key = keyOf(stream);
  if (logits.kind !== "wrong" && !at.evaluations.has(key))
    at.evaluations.set(key, { of: model.name, windows: stream.windows, entry });
  return logits;
}

/** Dimensions of the model that its tokens lack are the caller's, as a function's are that its result declares. */
function toCaller(call: Call, logits: Tensor, tokens: readonly Dimension[]): Value {
  const made = logits.dims.filter(({ id }) => !tokens.some((dim) => dim.id === id));
  const out = made.reduce<Tensor | null>((value, dim) => value && handOver(call, value, dim), logits);
  return out ?? wrong;
}

/** Each evaluation with what is kept of it. */
export const withKept = (evaluations: Evaluations, observations: readonly Observation[]): Evaluation[] =>
  [...evaluations].map(([key, evaluation]) => {
    const kept = observations.filter(({ stream }) => keyOf(stream) === key);
    return { ...evaluation, kept: kept.map(({ node, slot }) => ({ node, series: slot })) };
  });
