/** Methods: checked once against their header with symbolic sizes, then for each linear layer of a model. */

import type * as Ast from "../../grammar/ast.ts";
import { type Span, textAt } from "../../grammar/source.ts";
import type { Output } from "../graph/graph.ts";
import { slotNames } from "../graph/slots.ts";
import { type Context, report } from "../language/context.ts";
import { evaluateBlock } from "../language/evaluate.ts";
import { dataInput } from "../language/operations.ts";
import { bindValue, declareDimension, scopeIn } from "../language/scope.ts";
import { atom, fixed, type Size, times } from "../language/size.ts";
import { type Dimension, graphDims, ids, type Stream, type Tensor, type Windows } from "../language/tensor.ts";
import { type Linear, newTrace, type Observation } from "../language/trace.ts";
import { unknownOf } from "../language/types.ts";
import { type Coded, type Format, type Scope, showValue, type Value } from "../language/value.ts";
import { orderNode } from "../model/linear.ts";
import { pieceOf } from "../model/pieces.ts";
import type { Float } from "../plan/dtype.ts";
import type { Check } from "../plan/step.ts";
import { counted } from "./amount.ts";
import { codedChecks, fieldOutputs } from "./coded-outputs.ts";
import { type Counting, howMany, isNotFinite, zerosIn } from "./finite.ts";

/** A method with its arguments, as a stage names it. */
export interface Applied {
  readonly method: Ast.Method;
  /** The scope of the module that declares it. */
  readonly scope: Scope;
  readonly arguments: ReadonlyMap<string, Value>;
}

/** What a method makes of one linear layer. */
export interface Compression {
  /** Contributions of one sample, to be accumulated while it streams; and the slot that reads each afterwards. One may read `w`,
   *  and the slots of those before it. */
  readonly statistics: readonly Observation[];
  readonly outputs: readonly Output[];
  /** What must hold of them. */
  readonly checks: readonly Check[];
  /** How the new weights are stored; null: as those before. */
  readonly format: Format | null;
}

/** Where a method is put to work; null for the check against its header alone. */
export interface Site {
  readonly linear: Linear;
  readonly dtype: Float;
  /** What goes into the layer, one sample at a time. */
  readonly input: Tensor | null;
  readonly windows: Windows | null;
}

/** Null if there was a problem; without outputs where it is checked against its header alone. */
export function applyMethod(context: Context, applied: Applied, site: Site | null): Compression | null {
  const { method } = applied;
  if (!["linear", "readers"].includes(method.on.text)) {
    report(context, {
      kind: "not-supported",
      span: method.on.span,
      what: `a method on \`${method.on.text}\``,
      hint: "methods on `linear`, on `readers` and on `block` are",
    });
    return null;
  }
  const scope = scopeIn(applied.scope);
  bindLayer(context, scope, applied, site);
  const inside: Context = { ...context, trace: newTrace() };
  const result = evaluateBlock(inside, scope, method.body);
  const { observations: statistics } = inside.trace;
  if (method.on.text === "readers") {
    const fold = foldIn(context, scope, method, result);
    return fold && { statistics, ...ofFold(context, fold, site), format: null };
  }
  const compressed = checkResult(context, scope, method, result);
  if (!compressed) return null;
  const format = compressed.kind === "coded" ? compressed.format : null;
  const { counts, checks } = checksOf(context, compressed);
  const outputs = site ? [...outputsOf(context, compressed, site, method.span), ...counts] : [];
  return { statistics, outputs, checks, format };
}

function bindLayer(context: Context, scope: Scope, { method, arguments: given }: Applied, site: Site | null): void {
  for (const seen of method.sees)
    bindValue(context, scope, seen.name, seenTensor(context, scope, seen, site) ?? { kind: "wrong" });
  for (const parameter of method.parameters) {
    const value = given.get(parameter.name.text) ?? unknownOf(parameter);
    bindValue(context, scope, parameter.name, counted(context, scope, parameter, value));
  }
  if (method.from && !["compressed", "dense"].includes(method.from.text))
    report(context, {
      kind: "not-supported",
      span: method.from.span,
      what: `activations from \`${method.from.text}\``,
      hint: "`from compressed` are those behind blocks that are compressed already, `from dense` those of the model that the stage reads, unchanged",
    });
}

/** What a linear layer shows: its matrix, and what goes in. */
const shown: ReadonlyMap<string, readonly string[]> = new Map([
  ["w", ["out", "in"]],
  ["x", ["sample", "token", "in"]],
]);

function seenTensor(
  context: Context,
  scope: Scope,
  { name: { text: name }, type, span }: Ast.Parameter,
  site: Site | null,
): Tensor | null {
  const names =
    type?.kind === "tensor-type" ? type.dims.map((dim) => (dim.kind === "dim-name" ? dim.name.text : "")) : [];
  const dims = type && shown.get(name);
  if (!dims)
    report(context, {
      kind: "not-supported",
      span,
      what: `\`${name}\` in the header of a method on linear`,
      hint: "a linear layer shows `w: f32[out, in]` and `x: f32[sample, token, in]`",
    });
  else if (names.length === dims.length && dims.every((dim) => names.includes(dim)))
    return (name === "w" ? matrix : activation)(context, scope, site, span);
  else
    report(context, {
      kind: "wrong-type",
      span: type.span,
      expected: `f32[${dims.join(", ")}]`,
      found: textAt(type.span),
      hint: `what a layer shows has the names of its dimensions from the language: write \`${name}: f32[${dims.join(", ")}]\``,
    });
  return null;
}

function dimensionFor(scope: Scope, name: "out" | "in", site: Site | null): Dimension {
  const [old] = scope.dims.get(name) ?? [];
  const dims = name === "out" ? site?.linear.to : site?.linear.from;
  const size: Size = dims ? dims.map((dim) => dim.size).reduce(times) : atom(name);
  return old ?? declareDimension(scope, name, size, site ? site.linear.name : "the header");
}

function matrix(context: Context, scope: Scope, site: Site | null, span: Span): Tensor {
  const [out, input] = [dimensionFor(scope, "out", site), dimensionFor(scope, "in", site)];
  const among = site?.linear.among;
  const rows = among ? among.rows : out;
  const type = {
    dtype: site?.dtype ?? ("f32" as const),
    dims: graphDims(site?.linear.isInFirst ? [input, rows] : [rows, input]),
  };
  const whole = context.maker.make("input", [], { name: "w", type, role: "weight" }, span);
  const node = among ? pieceOf(context.maker, whole, among, among.place, graphDims([out]), span) : whole;
  return { kind: "tensor", dtype: "f32", dims: [out, input], node };
}

/** The layer's input with the dimensions that it reads merged into `in`. */
function activation(context: Context, scope: Scope, site: Site | null, span: Span): Tensor {
  const input = dimensionFor(scope, "in", site);
  const token = site?.input?.dims.find(({ id }) => id === "token");
  const tokens = declareDimension(scope, "token", token?.size ?? atom("token"), "the samples");
  const sample = declareSample(scope, site?.windows ?? null);
  const dims = [sample, tokens, input];
  const node = site?.input
    ? context.maker.make("merge", [site.input.node], { dims: ids(site.linear.from), into: "in" }, span)
    : dataInput(context, "x", "f32", dims, span).node;
  return { kind: "tensor", dtype: "f32", dims, node };
}

/** `sample`, along which windows stream past; of what they are nothing is known while a header is checked alone. */
export function declareSample(scope: Scope, windows: Windows | null, layers?: Dimension): Dimension {
  const unknown = { kind: "windows", corpus: "", split: "train", length: 0, first: null, draw: null } as const;
  const streamed: Stream = { keeps: "together", windows: windows ?? unknown, ...(layers && { layers }) };
  const count = windows?.draw?.count;
  return declareDimension(scope, "sample", count ? fixed(count) : atom("sample"), "the samples", { streamed });
}

/** What a method gives: new weights, or codes of them. */
type Compressed = Tensor | Coded;

function checkResult(context: Context, scope: Scope, { body, name }: Ast.Method, result: Value): Compressed | null {
  const span = body.result?.span ?? body.span;
  if (result.kind === "wrong") return null;
  const weight = result.kind === "coded" ? result.value : result;
  if ((result.kind === "coded" || result.kind === "tensor") && weight.kind === "tensor" && weight.dtype === "f32") {
    const wanted = ["out", "in"].flatMap((dim) => scope.dims.get(dim) ?? []);
    if (weight.dims.length === 2 && wanted.every(({ id }) => weight.dims.some((dim) => dim.id === id))) return result;
  }
  report(context, {
    kind: "wrong-type",
    span,
    expected: `the new weights of the layer, f32[out, in], as \`${name.text}\` is a method on linear`,
    found: showValue(result),
    hint: result.kind === "record" ? "a method gives the weights alone, and leaves a bias as it is" : "",
  });
  return null;
}

/** The scale that a method on readers gives: `{ fold: s }`. */
function foldIn(context: Context, scope: Scope, { body, name }: Ast.Method, result: Value): Tensor | null {
  const fold = result.kind === "record" && result.fields.size === 1 ? result.fields.get("fold") : undefined;
  const [input] = scope.dims.get("in") ?? [];
  if (fold?.kind === "tensor" && fold.dtype === "f32" && fold.dims.length === 1 && fold.dims[0]?.id === input?.id)
    return fold;
  if (result.kind !== "wrong" && fold?.kind !== "wrong")
    report(context, {
      kind: "wrong-type",
      span: body.result?.span ?? body.span,
      expected: `{ fold: f32[in] }, as \`${name.text}\` is a method on readers`,
      found: showValue(fold ?? result),
      hint: "the compiler multiplies the columns of `w` by it, and divides what they read",
    });
  return null;
}

/** The scale, and how many of its numbers are no factors. */
function ofFold({ maker }: Context, { node }: Tensor, site: Site | null): Pick<Compression, "outputs" | "checks"> {
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

/** The new weights as they are stored, and how many of them are zero. */
function outputsOf(context: Context, result: Compressed, { dtype, linear }: Site, span: Span): Compression["outputs"] {
  const weight = result.kind === "coded" ? result.value : result;
  const order = linear.isInFirst ? ["in", "out"] : ["out", "in"];
  const zeros = zerosIn(context.maker, weight.node, order);
  if (result.kind === "tensor")
    return [{ name: slotNames.result, node: orderNode(context.maker, weight.node, order, span), store: dtype }, zeros];
  return [...fieldOutputs(context.maker, result), zeros];
}

/** What must hold of them. */
const checksOf = ({ maker }: Context, result: Compressed): Counting =>
  result.kind === "coded"
    ? codedChecks(maker, result)
    : { counts: [], checks: [{ output: slotNames.result, must: "finite", otherwise: notFiniteResult }] };

const notFiniteResult = "the new weight has a NaN or an infinity; look at the method, and at its statistics";
