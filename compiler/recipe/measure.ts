/** Measures: what a recipe reports and expects of its models, from one pass of a text's windows through each model. */
import type { Span } from "../../grammar/source.ts";
import type { Node } from "../graph/ops.ts";
import { renameInputs } from "../graph/replace.ts";
import { slotNames, taskPartIn } from "../graph/slots.ts";
import { type Context, report } from "../language/context.ts";
import { windowTokens } from "../language/kinds.ts";
import { tokensInput } from "../language/members.ts";
import { passKey } from "../language/observe.ts";
import { dataInput } from "../language/operations.ts";
import { scopeIn } from "../language/scope.ts";
import { handOver } from "../language/signature.ts";
import { open } from "../language/size.ts";
import type { Dimension, Stream, Tensor } from "../language/tensor.ts";
import type { Observation } from "../language/trace.ts";
import { type Call, type ModelValue, showValue, type Value, wrong } from "../language/value.ts";
import { forward } from "../model/forward.ts";
import type { Checking } from "./checking.ts";
import { inRows } from "./rows.ts";
import type { Evaluation } from "./typed.ts";

/** Logits of a model: f32[sample, token, vocab], whose node reads what is the model's under its name. */
export const logitsFor =
  (at: Checking): ModelValue["apply"] =>
  (call, model, tokens) => {
    const { context, span } = call;
    const stream = tokens.value.dims.find((dim) => dim.streamed)?.streamed;
    if (!stream)
      return report(context, { kind: "wrong-type", span, expected: windowTokens, found: showValue(tokens.value) });
    const logits = logitsOf(at, call, model, stream, tokens.value);
    return logits.kind === "tensor" ? toCaller(call, logits, tokens.value.dims) : logits;
  };

function logitsOf(at: Checking, { context, span }: Call, model: ModelValue, stream: Stream, tokens: Tensor): Value {
  const type = at.models.get(model.name);
  if (!type) {
    const dims: Dimension[] = [...tokens.dims, { id: "vocab", name: "vocab", size: open("vocab"), source: "config" }];
    const name = slotNames.ofModel(model.name, slotNames.activation);
    return dataInput(context, name, "f32", dims, span);
  }
  if (!isGiven(tokens.node)) return report(context, { kind: "not-supported", span, ...otherTokens });
  const { entry, logits } = forward(context, type, scopeIn(null), asText(context, stream, tokens, span), span);
  if (logits.kind !== "tensor") return logits;
  const node = inRows(context, stream.windows, logits.node);
  if (!node) return wrong;
  at.passes.set(passKey(stream, [model.name]), { model: model.name, entry });
  const isOfWindows = (name: string): boolean => name === slotNames.tokens || taskPartIn(name) !== undefined;
  const nameFor = (name: string): string => (isOfWindows(name) ? name : slotNames.ofModel(model.name, name));
  const dims = logits.dims.map((dim) => tokens.dims.find(({ id }) => id === dim.id) ?? dim);
  return { ...logits, dims, node: renameInputs(context.maker, node, nameFor) };
}

/** What passes through the blocks are the tokens of windows as they are. */
const isGiven = ({ op, attrs }: Node): boolean => op === "input" && attrs.name === slotNames.tokens;

const otherTokens = {
  what: "a model on other tokens than those of a window",
  hint: "it reads them as they are, as in `model(text.windows(512))`",
};

/** The tokens of one text, as it streams past. */
function asText(context: Context, { windows: { task } }: Stream, tokens: Tensor, span: Span): Tensor {
  if (!task) return tokens;
  const one = tokensInput(context, scopeIn(null), task.longest, span);
  return { ...one, dims: [...tokens.dims.filter(({ streamed }) => streamed), ...one.dims] };
}

/** Dimensions of the model that its tokens lack are the caller's, as a function's are that its result declares. */
function toCaller(call: Call, logits: Tensor, tokens: readonly Dimension[]): Value {
  const made = logits.dims.filter(({ id }) => !tokens.some((dim) => dim.id === id));
  const out = made.reduce<Tensor | null>((value, dim) => value && handOver(call, value, dim), logits);
  return out ?? wrong;
}

/** What is kept of models together is one evaluation, and what is kept of some of them is of the first that reads them all. */
export function evaluationsOf(passes: Checking["passes"], observations: readonly Observation[]): readonly Evaluation[] {
  const made: Evaluation[] = [];
  for (const { models, stream, node, slot } of observations.toSorted((a, b) => b.models.length - a.models.length)) {
    const of = models.flatMap((name) => passes.get(passKey(stream, [name])) ?? []);
    if (of.length < models.length) continue;
    const kept = { node, series: slot };
    const isOfThese = (each: Evaluation): boolean => passKey(each, []) === passKey(stream, []);
    const found = made.find((each) => isOfThese(each) && of.every((passed) => each.of.includes(passed)));
    if (found) found.kept.push(kept);
    else made.push({ of, windows: stream.windows, kept: [kept] });
  }
  return made;
}
