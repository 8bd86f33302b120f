/** What a method gives for a layer: new weights or codes of them, a bias, a scale of what it reads; as outputs of a program. */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { type ZerosOf, zerosOf } from "../effects/zeros.ts";
import type { Output } from "../graph/graph.ts";
import type { Node } from "../graph/ops.ts";
import { slotNames } from "../graph/slots.ts";
import { type Context, report } from "../language/context.ts";
import type { Tensor, Windows } from "../language/tensor.ts";
import type { Collection, Linear, Observation } from "../language/trace.ts";
import { type Coded, type Format, type Scope, showValue, type Value, wrongType } from "../language/value.ts";
import { orderNode } from "../model/linear.ts";
import type { Float } from "../plan/dtype.ts";
import type { Check } from "../plan/step.ts";
import { list } from "../problems/description.ts";
import { codedChecks, fieldOutputs } from "./coded-outputs.ts";
import { type Counting, zerosIn as countedZeros, howMany, isNotFinite, lostZeros } from "./finite.ts";

/** What a method makes of one linear layer. */
export interface Compression {
  /** Contributions of one sample, to be accumulated while it streams; and the slot that reads each afterwards. One may read `w`,
   *  and the slots of those before it. */
  readonly statistics: readonly Observation[];
  /** What the layer shows as a matrix, its own and those of other models, by the slots that have it. */
  readonly matrices: ReadonlyMap<Node, string>;
  /** Numbers of the layer that are collected of all layers before any is changed; one may read those before it. */
  readonly collections: readonly Collection[];
  readonly outputs: readonly Output[];
  /** What must hold of them. */
  readonly checks: readonly Check[];
  /** How the new weights are stored; null: as those before. */
  readonly format: Format | null;
  /** What of the weight is 0 afterwards; null of no weights. */
  readonly zeros: (() => ZerosLeft | null) | null;
}

export interface ZerosLeft extends ZerosOf {
  /** Whether the method's body shows that it keeps them; if not, a stage that keeps zeros stops its run where one is lost. */
  readonly isSeen: boolean;
}

/** The name of a statistic that is there for every layer which some tokens reach: how many. */
export const tokensReaching = "tokens that reach it";

/** Where a method is put to work; null for the check against its header alone. */
export interface Site {
  readonly linear: Linear;
  readonly dtype: Float;
  /** The type of its bias; null if it has none. */
  readonly bias: Float | null;
  /** Those of its matrices in other models, by the parameters that stand for these. */
  readonly others: ReadonlyMap<string, Float>;
  /** How many blocks the stage works on, and on how many layers of each. */
  readonly layers: readonly [blocks: number, linears: number];
  /** What goes into the layer, one sample at a time. */
  readonly input: Tensor | null;
  /** Which tokens of it reach the layer; null: all do. */
  readonly reached: Node | null;
  readonly windows: Windows | null;
}

type Made = Omit<Compression, "statistics" | "matrices" | "collections">;

/** New weights: `w`, or `{ w, bias }`; null if they are none, which is said. Without outputs where nothing is at hand. */
export function weightsOf(
  context: Context,
  scope: Scope,
  method: Ast.Method,
  result: Value,
  site: Site | null,
): Made | null {
  const fields = result.kind === "record" ? result.fields : new Map([["w", result]]);
  if ([...fields.keys()].some((name) => name !== "w" && name !== "bias")) {
    const expected = `new weights, f32[out, in], or \`{ w, bias }\`, as \`${method.name.text}\` is a method on linear`;
    report(context, { kind: "wrong-type", span: spanOf(method), expected, found: showValue(result) });
    return null;
  }
  const compressed = checkResult(context, scope, method, fields.get("w") ?? result);
  const bias = fields.has("bias") ? biasIn(context, scope, method, fields.get("bias") as Value, site) : undefined;
  if (!compressed || bias === null) return null;
  const format = compressed.kind === "coded" ? compressed.format : null;
  const { counts, checks } = checksOf(context, compressed, context.keepsZeros ? scope.values.get("w") : undefined);
  const zeros = zerosIn(context, scope, compressed);
  if (!site) return { outputs: [], checks, format, zeros };
  const counted = countsZeros(context, scope, method, compressed) ? [countOfZeros(context, compressed, site)] : [];
  const outputs = [...outputsOf(context, compressed, site, method.span), ...counted, ...counts];
  if (!bias) return { outputs, checks, format, zeros };
  const finite: Check = { output: slotNames.newBias, must: "finite", otherwise: notFiniteBias };
  return {
    outputs: [...outputs, { name: slotNames.newBias, node: bias.node }],
    checks: [...checks, finite],
    format,
    zeros,
  };
}

/** What the method leaves 0; where the stage keeps zeros, that is counted. */
function zerosIn({ keepsZeros }: Context, { values }: Scope, made: Compressed): Made["zeros"] {
  const given = values.get("w");
  const weight = made.kind === "coded" ? made.value : made;
  if (given?.kind !== "tensor") return null;
  return () => {
    const found = zerosOf(given.node, weight.node);
    return found && { ...found, keeps: found.keeps || keepsZeros, isSeen: found.keeps };
  };
}

const spanOf = ({ body }: Ast.Method): Span => body.result?.span ?? body.span;

/** What a method gives: new weights, or codes of them. */
type Compressed = Tensor | Coded;

function checkResult(context: Context, scope: Scope, method: Ast.Method, result: Value): Compressed | null {
  if (result.kind === "wrong") return null;
  const weight = result.kind === "coded" ? result.value : result;
  if ((result.kind === "coded" || result.kind === "tensor") && weight.kind === "tensor" && weight.dtype === "f32") {
    const wanted = ["out", "in"].flatMap((dim) => scope.dims.get(dim) ?? []);
    if (weight.dims.length === 2 && wanted.every(({ id }) => weight.dims.some((dim) => dim.id === id))) return result;
  }
  const expected = `the new weights of the layer, f32[out, in], as \`${method.name.text}\` is a method on linear`;
  wrongType(context, { value: result, span: spanOf(method) }, expected, weightHint(weight));
  return null;
}

/** What to do with a mask, or with dimensions that are too much. */
function weightHint(value: Value): string {
  if (value.kind !== "tensor") return "";
  if (value.dtype === "bool") return "the weights that a condition holds for are `w where condition`";
  const names = value.dims.map(({ name }) => name);
  const more = names.filter((name) => name !== "out" && name !== "in");
  const isTooMuch = more.length > 0 && names.length === more.length + 2;
  return isTooMuch ? `${list(more)} is too much: reduce over it, or take one place of it` : "";
}

/** The new bias; null if it is none, or the layer has none, which is said. */
function biasIn(context: Context, scope: Scope, method: Ast.Method, bias: Value, site: Site | null): Tensor | null {
  if (bias.kind === "wrong" || (site && lacksBias(context, site, spanOf(method)))) return null;
  const [out] = scope.dims.get("out") ?? [];
  if (bias.kind === "tensor" && bias.dtype === "f32" && bias.dims.length === 1 && bias.dims[0]?.id === out?.id)
    return bias;
  const expected = `the new bias of the layer, f32[out], as \`${method.name.text}\` is a method on linear`;
  report(context, { kind: "wrong-type", span: spanOf(method), expected, found: showValue(bias) });
  return null;
}

/** Says where a layer has no bias that a method asks for. */
export function lacksBias(context: Context, { linear: { name }, bias }: Site, span: Span): boolean {
  const what = `a bias of \`${name}\`, which has none in this model,`;
  if (bias === null)
    report(context, { kind: "not-supported", span, what, hint: `leave it out with \`except ${name}\`` });
  return bias === null;
}

/** The scale that a method on readers gives, `{ fold: s }`; null if it gives none, which is said. */
export function foldOf(
  context: Context,
  scope: Scope,
  method: Ast.Method,
  result: Value,
  site: Site | null,
): Made | null {
  const fold = result.kind === "record" && result.fields.size === 1 ? result.fields.get("fold") : undefined;
  const [input] = scope.dims.get("in") ?? [];
  if (fold?.kind === "tensor" && fold.dtype === "f32" && fold.dims.length === 1 && fold.dims[0]?.id === input?.id)
    return { ...ofScale(context, fold, site), format: null, zeros: null };
  if (result.kind !== "wrong" && fold?.kind !== "wrong")
    report(context, {
      kind: "wrong-type",
      span: spanOf(method),
      expected: `{ fold: f32[in] }, as \`${method.name.text}\` is a method on readers`,
      found: showValue(fold ?? result),
      hint: "the compiler multiplies the columns of `w` by it, and divides what they read",
    });
  return null;
}

/** The scale, and how many of its numbers are no factors. */
function ofScale({ maker }: Context, { node }: Tensor, site: Site | null): Pick<Compression, "outputs" | "checks"> {
  const { make } = maker;
  const zero = make("constant", [], { value: 0, dtype: "f32" }, node.origin);
  const isNone = make(
    "or",
    [isNotFinite(maker, node), make("lessEqual", [node, zero], {}, node.origin)],
    {},
    node.origin,
  );
  const counted = { name: slotNames.misfit(0), node: howMany(maker, isNone) };
  const of = site?.linear.name;
  const otherwise = `{n} of the scales of ${of} are not above 0, or not finite; look at the method, and at its statistics`;
  return {
    outputs: [{ name: slotNames.fold, node }, counted],
    checks: [{ output: counted.name, must: "none", otherwise }],
  };
}

/** Whether zeros of the weights mean anything: of those that codes stand for only if the method makes some, or the stage keeps some. */
const countsZeros = ({ keepsZeros }: Context, { values }: Scope, { parameters }: Ast.Method, { kind }: Compressed) =>
  kind === "tensor" || keepsZeros || parameters.some(({ name }) => values.get(name.text)?.kind === "sparsity");

const orderIn = ({ linear }: Site): readonly string[] => (linear.isInFirst ? ["in", "out"] : ["out", "in"]);

/** How many of the new weights are 0. */
const countOfZeros = ({ maker }: Context, result: Compressed, site: Site): Output =>
  countedZeros(maker, (result.kind === "coded" ? result.value : result).node, orderIn(site));

/** The new weights as they are stored. */
function outputsOf({ maker }: Context, result: Compressed, site: Site, span: Span): Compression["outputs"] {
  if (result.kind === "coded") return fieldOutputs(maker, result);
  return [{ name: slotNames.result, node: orderNode(maker, result.node, orderIn(site), span), store: site.dtype }];
}

/** What must hold of them; `kept` is the weight of which zeros stay. */
function checksOf({ maker }: Context, result: Compressed, kept: Value | undefined): Counting {
  const weight = result.kind === "coded" ? result.value : result;
  const lost = kept?.kind === "tensor" ? lostZeros(maker, kept.node, weight.node) : { counts: [], checks: [] };
  const finite: Check = { output: slotNames.result, must: "finite", otherwise: notFiniteResult };
  const own = result.kind === "coded" ? codedChecks(maker, result) : { counts: [], checks: [finite] };
  return { counts: [...own.counts, ...lost.counts], checks: [...own.checks, ...lost.checks] };
}

const notFiniteResult = "the new weight has a NaN or an infinity; look at the method, and at its statistics";
const notFiniteBias = "the new bias has a NaN or an infinity; look at the method, and at its statistics";
