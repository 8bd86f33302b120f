/** Methods: checked once against their header with symbolic sizes, then for each linear layer of a model. */

import type * as Ast from "../../grammar/ast.ts";
import { type Span, textAt } from "../../grammar/source.ts";
import { coneOf } from "../graph/cone.ts";
import type { Node } from "../graph/ops.ts";
import { replaceNodes } from "../graph/replace.ts";
import { isOfLayers, slotNames } from "../graph/slots.ts";
import { type Context, layersOfStage, report } from "../language/context.ts";
import { evaluateBlock } from "../language/evaluate.ts";
import { observed } from "../language/observe.ts";
import { dataInput } from "../language/operations.ts";
import { bindValue, declareDimension, scopeIn } from "../language/scope.ts";
import { atom, fixed, type Size, times } from "../language/size.ts";
import {
  type Dimension,
  graphDims,
  ids,
  noWindows,
  type Stream,
  type Tensor,
  type Windows,
} from "../language/tensor.ts";
import { newTrace } from "../language/trace.ts";
import { unknownOf } from "../language/types.ts";
import { record, type Scope, type Value } from "../language/value.ts";
import { pieceOf } from "../model/pieces.ts";
import type { Float } from "../plan/dtype.ts";
import { list } from "../problems/description.ts";
import { counted } from "./amount.ts";
import { type Compression, foldOf, lacksBias, type Site, tokensReaching, weightsOf } from "./method-result.ts";

/** A method with its arguments, as a stage names it. */
export interface Applied {
  readonly method: Ast.Method;
  /** The scope of the module that declares it. */
  readonly scope: Scope;
  readonly arguments: ReadonlyMap<string, Value>;
  /** The names of those that are written, the others being defaults. */
  readonly written?: ReadonlySet<string>;
  /** Weights that are 0 stay 0. */
  readonly keepsZeros?: boolean;
}

/** Null if there was a problem; without outputs where it is checked against its header alone. */
export function applyMethod(context: Context, applied: Applied, site: Site | null): Compression | null {
  const { method } = applied;
  const give = results.get(method.on.text);
  if (!give) {
    report(context, {
      kind: "not-supported",
      span: method.on.span,
      what: `a method on \`${method.on.text}\``,
      hint: "methods on `linear`, on `readers`, on `candidates` and on `block` are",
    });
    return null;
  }
  const scope = scopeIn(applied.scope);
  const layers = method.on.text === "linear" ? layersOfStage(site?.layers) : null;
  const inside: Context = { ...context, trace: newTrace(), layers, keepsZeros: applied.keepsZeros ?? false };
  bindLayer(inside, scope, applied, site);
  const matrices = matricesIn(scope, method);
  const result = evaluateBlock(inside, scope, method.body);
  const { observations: statistics, collections } = inside.trace;
  const late = statistics.find(({ node }) => readsCollected(node));
  const what = "an observation that reads what `collect` gives";
  if (late) report(context, { kind: "not-supported", span: late.node.origin, what, hint: "collect what is observed" });
  const made = give(inside, scope, method, result, site);
  return late ? null : made && { statistics, matrices, collections, ...made };
}

/** The place of the layer's block among those of the stage. */
function placeIn({ maker }: Context, span: Span): Tensor {
  const attrs = { name: slotNames.place, type: { dtype: "i32", dims: [] }, role: "state" } as const;
  return { kind: "tensor", dtype: "i32", dims: [], node: maker.make("input", [], attrs, span) };
}

/** Whether a value depends on other layers, or on which block the layer is of. */
const readsCollected = (value: Node): boolean =>
  coneOf([value]).some((node) => node.op === "input" && isOfLayers(node.attrs.name));

/** The matrices that a method sees, by the slots that have them. */
function matricesIn({ values }: Scope, { parameters }: Ast.Method): Compression["matrices"] {
  const shown = parameters.filter(isOfModel).map(({ name: { text } }) => {
    const layer = values.get(text);
    const matrix = layer?.kind === "record" ? layer.fields.get("w") : undefined;
    return [matrix, slotNames.ofModel(text, slotNames.weight)] as const;
  });
  const all = [[values.get("w"), slotNames.weight] as const, ...shown];
  return new Map(all.flatMap(([matrix, slot]) => (matrix?.kind === "tensor" ? [[matrix.node, slot]] : [])));
}

/** What methods give, by what they are on. */
const results: ReadonlyMap<string, typeof weightsOf> = new Map([
  ["linear", weightsOf],
  ["readers", foldOf],
]);

function bindLayer(context: Context, scope: Scope, applied: Applied, site: Site | null): void {
  const { method } = applied;
  bindSeen(context, scope, method, shownBy(context, scope, site));
  if (method.on.text === "linear") scope.values.set("layer", placeIn(context, method.on.span));
  bindParameters(context, scope, applied, site);
  if (method.from && !["compressed", "dense"].includes(method.from.text))
    report(context, {
      kind: "not-supported",
      span: method.from.span,
      what: `activations from \`${method.from.text}\``,
      hint: "`from compressed` are those behind blocks that are compressed already, `from dense` those of the model that the stage reads, unchanged",
    });
}

/** Binds a method's parameters; one that stands for a model shows the same layer's matrix there, `dense.w`. */
export function bindParameters(
  context: Context,
  scope: Scope,
  { method: { on, parameters }, arguments: given }: Applied,
  site: Site | null,
): void {
  for (const parameter of parameters) {
    const { name } = parameter;
    const value = given.get(name.text) ?? unknownOf(parameter);
    if (!isOfModel(parameter)) bindValue(context, scope, name, counted(context, scope, parameter, value));
    else if (on.text === "linear") bindValue(context, scope, name, layerIn(context, scope, site, parameter));
    else bindValue(context, scope, name, refusedModel(context, on, parameter));
  }
}

/** Whether a parameter stands for a model. */
const isOfModel = ({ type }: Ast.Parameter): boolean => type?.kind === "plain-type" && type.name.text === "Model";

/** What a layer shows of another model. */
function layerIn(
  context: Context,
  scope: Scope,
  site: Site | null,
  { name: { text: name }, span }: Ast.Parameter,
): Value {
  const stored = { slot: slotNames.ofModel(name, slotNames.weight), dtype: site?.others.get(name) ?? "f32" };
  return record(new Map([["w", matrix(context, scope, site, span, stored)]]));
}

function refusedModel(context: Context, on: Ast.Name, { span }: Ast.Parameter): Value {
  const what = `a model as a parameter of a method on \`${on.text}\``;
  return report(context, {
    kind: "not-supported",
    span,
    what,
    hint: "one of a method on `linear` shows the same layer there",
  });
}

/** What methods of a kind may see, by its name. */
export interface Shown {
  readonly dims: readonly string[];
  /** Null if it is not there, which is said. */
  readonly show: (span: Span) => Tensor | null;
}

/** What a linear layer shows: its matrix, its bias, and what goes in. */
function shownBy(context: Context, scope: Scope, site: Site | null): ReadonlyMap<string, Shown> {
  return new Map<string, Shown>([
    ["w", { dims: ["out", "in"], show: (span) => matrix(context, scope, site, span) }],
    ["bias", { dims: ["out"], show: (span) => offset(context, scope, site, span) }],
    ["x", { dims: ["sample", "token", "in"], show: (span) => activation(context, scope, site, span) }],
  ]);
}

/** Binds what a method's header sees of all that is shown. */
export function bindSeen(context: Context, scope: Scope, method: Ast.Method, shown: ReadonlyMap<string, Shown>): void {
  for (const seen of method.sees)
    bindValue(context, scope, seen.name, seenTensor(context, method, seen, shown) ?? { kind: "wrong" });
}

function seenTensor(
  context: Context,
  { on }: Ast.Method,
  { name: { text: name }, type, span }: Ast.Parameter,
  shown: ReadonlyMap<string, Shown>,
): Tensor | null {
  const names =
    type?.kind === "tensor-type" ? type.dims.map((dim) => (dim.kind === "dim-name" ? dim.name.text : "")) : [];
  const found = type && shown.get(name);
  if (!found)
    report(context, {
      kind: "not-supported",
      span,
      what: `\`${name}\` in the header of a method on ${on.text}`,
      hint: `it sees ${list([...shown].map(([each, { dims }]) => `${each}: f32[${dims.join(", ")}]`))}`,
    });
  else if (names.length === found.dims.length && found.dims.every((dim) => names.includes(dim)))
    return found.show(span);
  else
    report(context, {
      kind: "wrong-type",
      span: type.span,
      expected: `f32[${found.dims.join(", ")}]`,
      found: textAt(type.span),
      hint: `what a method sees has the names of its dimensions from the language: write \`${name}: f32[${found.dims.join(", ")}]\``,
    });
  return null;
}

function dimensionFor(scope: Scope, name: "out" | "in", site: Site | null): Dimension {
  const [old] = scope.dims.get(name) ?? [];
  const dims = name === "out" ? site?.linear.to : site?.linear.from;
  const size: Size = dims ? dims.map((dim) => dim.size).reduce(times) : atom(name);
  return old ?? declareDimension(scope, name, size, site ? site.linear.name : "the header");
}

function matrix(
  context: Context,
  scope: Scope,
  site: Site | null,
  span: Span,
  stored: { readonly slot: string; readonly dtype: Float } = { slot: slotNames.weight, dtype: site?.dtype ?? "f32" },
): Tensor {
  const [out, input] = [dimensionFor(scope, "out", site), dimensionFor(scope, "in", site)];
  const among = site?.linear.among;
  const rows = among ? among.rows : out;
  const type = {
    dtype: stored.dtype,
    dims: graphDims(site?.linear.isInFirst ? [input, rows] : [rows, input]),
  };
  const whole = context.maker.make("input", [], { name: stored.slot, type, role: "weight" }, span);
  const node = among ? pieceOf(context.maker, whole, among, among.place, graphDims([out]), span) : whole;
  return { kind: "tensor", dtype: "f32", dims: [out, input], node };
}

/** The layer's bias; null, which is said, if it has none. */
function offset(context: Context, scope: Scope, site: Site | null, span: Span): Tensor | null {
  const out = dimensionFor(scope, "out", site);
  if (site && lacksBias(context, site, span)) return null;
  const among = site?.linear.among;
  const type = { dtype: site?.bias ?? ("f32" as const), dims: graphDims([among ? among.rows : out]) };
  const whole = context.maker.make("input", [], { name: slotNames.bias, type, role: "weight" }, span);
  const node = among ? pieceOf(context.maker, whole, among, among.place, graphDims([out]), span) : whole;
  return { kind: "tensor", dtype: "f32", dims: [out], node };
}

/** The layer's input with the dimensions that it reads merged into `in`. */
function activation(context: Context, scope: Scope, site: Site | null, span: Span): Tensor {
  const input = dimensionFor(scope, "in", site);
  const token = site?.input?.dims.find(({ id }) => id === "token");
  const sample = declareSample(scope, site?.windows ?? null);
  const met = site?.input && reaching(context, site.input.node, site.reached, sample, span);
  const more = met?.reached ? { reached: met.reached } : {};
  const tokens = declareDimension(scope, "token", token?.size ?? atom("token"), "the samples", more);
  const dims = [sample, tokens, input];
  const node =
    met && site
      ? context.maker.make("merge", [met.x], { dims: ids(site.linear.from), into: "in" }, span)
      : dataInput(context, "x", "f32", dims, span).node;
  return { kind: "tensor", dtype: "f32", dims, node };
}

/**
 * What of an activation reaches a layer, and which tokens do. How many that are is observed before all else: where it is none, the
 * layer is shown all of them, as if it had been reached, which is what it may meet.
 */
function reaching(
  context: Context,
  x: Node,
  reached: Node | null,
  { streamed }: Dimension,
  span: Span,
): { readonly x: Node; readonly reached: Node | null } {
  if (!reached || !streamed) return { x, reached: null };
  const { make } = context.maker;
  const zero = make("constant", [], { value: 0, dtype: "f32" }, span);
  const each = make("cast", [reached], { dtype: "f32" }, span);
  const count = make("reduce", [each], { by: "sum", over: ["token"] }, span);
  const all = observed({ ...context, observing: tokensReaching }, count, "sum", streamed);
  if (!all) return { x, reached: null };
  const those = make("or", [reached, make("equal", [all, zero], {}, span)], {}, span);
  const shown = replaceNodes(context.maker, x, (node) => (node === reached ? those : null));
  return { x: make("select", [those, shown, zero], {}, span), reached: those };
}

/** `sample`, along which windows stream past; of what they are nothing is known while a header is checked alone. */
export function declareSample(scope: Scope, windows: Windows | null, layers?: Dimension): Dimension {
  const streamed: Stream = { keeps: "together", windows: windows ?? noWindows, ...(layers && { layers }) };
  const count = windows?.draw?.count;
  return declareDimension(scope, "sample", count ? fixed(count) : atom("sample"), "the samples", { streamed });
}
