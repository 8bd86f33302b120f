/** Methods on blocks: what they observe of every block, and what they select of the whole model or rotate in it. */
import type * as Ast from "../../grammar/ast.ts";
import { textAt } from "../../grammar/source.ts";
import { coneOf } from "../graph/cone.ts";
import { type Context, report } from "../language/context.ts";
import { evaluateStatements } from "../language/evaluate.ts";
import type { Num } from "../language/number.ts";
import { dataInput } from "../language/operations.ts";
import { bindValue, declareDimension, findDimension, scopeIn } from "../language/scope.ts";
import { atom, fixed, known } from "../language/size.ts";
import { type Dimension, graphDims, type Tensor, type Windows } from "../language/tensor.ts";
import { newTrace, type Observation, type Rotating, type Selecting, type Wanted } from "../language/trace.ts";
import { namesIn } from "../language/types.ts";
import { type Format, type Scope, showValue, type Value } from "../language/value.ts";
import { firstBlocks, layersOf, type ModelType } from "../model/value.ts";
import type { Problem } from "../problems/problem.ts";
import { countOf } from "./amount.ts";
import { choosing, harmOf } from "./choice/harm.ts";
import { type Applied, applyMethod, bindParameters, declareSample } from "./method.ts";

/** Every block as a method sees it: the activations that it shows, of one sample. */
export interface BlockSite {
  readonly type: ModelType;
  /** Null where a method observes no samples. */
  readonly windows: Windows | null;
  /** `input`, `output`, and what the architecture probes. */
  readonly shown: ReadonlyMap<string, Tensor>;
  /** Its weights, by the names that the architecture gives them and its linear layers. */
  readonly weights: ReadonlyMap<string, Tensor>;
}

/** What a method on blocks asks for. */
export interface BlockWork {
  readonly statistics: readonly Observation[];
  readonly selections: readonly Selection[];
  readonly rotations: readonly Rotation[];
}

/** An activation is turned along one of its dimensions. */
export interface Rotation extends Wanted {
  readonly statement: Ast.Rotate;
  /** The dimension of the matrix that tells blocks apart, each of which has its own. */
  readonly layers: Dimension | null;
}

/** So many of a dimension are kept, the best by their scores. */
export interface Selection {
  readonly dim: Dimension;
  readonly count: number;
  /** Along the dimension, and along the blocks if each has scores of its own. */
  readonly scores: Tensor;
  /** The values at which what goes of an activation stays, in each block, by the activation's name. */
  readonly leaving: ReadonlyMap<string, Tensor>;
  readonly statement: Ast.Select;
}

/** Checks a method against its header alone; gives the format in which it stores weights, if it does. */
export function checkMethod(context: Context, applied: Applied): Format | null {
  const { text: on } = applied.method.on;
  if (on === "block") applyBlockMethod(context, applied, null);
  else if (on === choosing) harmOf(context, applied);
  else return applyMethod(context, applied, null)?.format ?? null;
  return null;
}

/** Null if there was a problem, and without a site, where it is checked against its header alone. */
export function applyBlockMethod(context: Context, applied: Applied, site: BlockSite | null): BlockWork | null {
  const { method } = applied;
  const scope = scopeIn(applied.scope);
  const layer = bindDimensions(scope, method, site);
  const seen = bindBlock(context, scope, applied, site, layer);
  if (!seen) return null;
  const inside: Context = { ...context, trace: newTrace(), layers: null, block: layer };
  evaluateStatements(inside, scope, method.body);
  const { selections, rotations, observations: statistics } = inside.trace;
  const shape = shapeProblem(method, selections, rotations);
  if (shape) report(context, shape);
  if (shape) return null;
  const nested = statistics.find(({ node }) =>
    coneOf([node]).some((each) => each.op === "input" && each.attrs.role === "state"),
  );
  if (nested)
    report(context, {
      kind: "not-supported",
      span: nested.node.origin,
      what: "an observation of blocks that reads another one",
    });
  const made = selections.map((each) => selectionOf(context, scope, each, layer, seen));
  const turned = rotations.map(({ statement, wanted }) => {
    const layers = wanted?.by.dims.find(({ id }) => id === layer.id) ?? null;
    return wanted && { ...wanted, statement, layers };
  });
  if (nested || !site || [...made, ...turned].some((each) => each === null)) return null;
  return {
    statistics,
    selections: made.flatMap((each) => each ?? []),
    rotations: turned.flatMap((each) => each ?? []),
  };
}

/** What is wrong with the form of a method on blocks: it ends in what it selects, or in what it rotates. */
function shapeProblem(
  { name, body }: Ast.Method,
  selections: readonly Selecting[],
  rotations: readonly Rotating[],
): Problem | null {
  if (body.result) {
    const expected = "a method on blocks, which has no value but what it selects or rotates";
    return { kind: "wrong-type", span: body.result.span, expected, found: "a value at its end" };
  }
  const [second] = selections.length > 0 ? rotations : [];
  if (second) {
    const hint = "write two methods, and a stage with each; a matrix with fewer columns than rows cuts what it rotates";
    return { kind: "not-supported", span: second.statement.span, what: "`rotate` in a method that selects", hint };
  }
  if (selections.length + rotations.length > 0) return null;
  const hint = "as in `select mlp to 50% by scores`, or `rotate input by q`";
  const expected = "a method on blocks that selects or rotates";
  return { kind: "wrong-type", span: name.span, expected, found: "none", hint };
}

/** The model's dimensions by their names, and the blocks' as `layer`. */
function bindDimensions(scope: Scope, { sees }: Ast.Method, site: BlockSite | null): Dimension {
  const named = sees.flatMap(({ type }) => (type?.kind === "tensor-type" ? namesIn(type) : []));
  const first = site && firstBlocks(site.type.blocks);
  const layer = declareDimension(scope, "layer", site ? fixed(layersOf(site.type)) : atom("layer"), "the model");
  if (!site || !first) {
    for (const { text } of named) if (text !== "sample") declareDimension(scope, text, atom(text), "the header");
    return layer;
  }
  for (const part of [site.type.outside, ...first])
    for (const [name, dims] of part.scope.dims) scope.dims.set(name, dims);
  for (const { dims } of [...site.shown.values(), ...site.weights.values()])
    for (const dim of dims) scope.dims.set(dim.name, [dim]);
  return layer;
}

/** What the header sees, by its names; null if that is wrong. */
function bindBlock(
  context: Context,
  scope: Scope,
  applied: Applied,
  site: BlockSite | null,
  layers: Dimension,
): ReadonlyMap<string, Tensor> | null {
  const sample = declareSample(scope, site?.windows ?? null, layers);
  bindParameters(context, scope, applied, null);
  const seen = applied.method.sees.map((each) => ({
    name: each.name,
    value: shownTensor(context, scope, each, site, sample),
  }));
  for (const { name, value } of seen) bindValue(context, scope, name, value);
  const tensors = seen.flatMap(({ name, value }) => (value.kind === "tensor" ? [[name.text, value] as const] : []));
  return tensors.length === seen.length ? new Map(tensors) : null;
}

function shownTensor(
  context: Context,
  scope: Scope,
  { name, type, span }: Ast.Parameter,
  site: BlockSite | null,
  sample: Dimension,
): Value {
  const names = type?.kind === "tensor-type" ? namesIn(type).map(({ text }) => text) : [];
  const shown = site?.shown.get(name.text) ?? site?.weights.get(name.text);
  if (site && !shown) {
    const types = (of: BlockSite["shown"], first: readonly string[]): readonly string[] =>
      [...of].map(([each, { dims }]) => `${each}: f32[${[...first, ...dims.map((dim) => dim.name)].join(", ")}]`);
    return report(context, {
      kind: "unknown-name",
      span: name.span,
      name: name.text,
      what: "activation or weight of a block named",
      known: [...types(site.shown, ["sample"]), ...types(site.weights, [])],
    });
  }
  const streams = site ? site.shown.has(name.text) : names.includes("sample");
  const own = shown?.dims ?? names.flatMap((each) => (each === "sample" ? [] : (findDimension(scope, each) ?? [])));
  const dims = streams ? [sample, ...own] : own;
  const isSame = names.length === dims.length && dims.every((dim) => names.includes(dim.name));
  if (!isSame || !type)
    return report(context, {
      kind: "wrong-type",
      span: type?.span ?? span,
      expected: `f32[${dims.map((dim) => dim.name).join(", ")}]`,
      found: type ? textAt(type.span) : "no type",
    });
  if (shown) return { ...shown, dims };
  if (streams) return dataInput(context, name.text, "f32", dims, span);
  const attrs = { name: name.text, type: { dtype: "f32", dims: graphDims(dims) }, role: "weight" } as const;
  return { kind: "tensor", dtype: "f32", dims, node: context.maker.make("input", [], attrs, span) };
}

/** Null if there was a problem. */
function selectionOf(
  context: Context,
  scope: Scope,
  { statement, wanted }: Selecting,
  layer: Dimension,
  seen: ReadonlyMap<string, Tensor>,
): Selection | null {
  const { text: name, span } = statement.dim;
  const dim = findDimension(scope, name);
  if (!dim) {
    const known = [...scope.dims.keys()];
    report(context, { kind: "unknown-name", span, name, what: "dimension", known });
    return null;
  }
  if (!wanted) return null;
  const { to, scores, multiple, leaving } = wanted;
  const names = scores.dims.map((each) => each.id);
  const isAlong = names.includes(dim.id) && names.every((id) => id === dim.id || id === layer.id);
  if (scores.dtype === "bool" || !isAlong) {
    const wanted = dim.id === layer.id ? "f32[layer]" : `f32[${name}] or f32[layer, ${name}]`;
    report(context, {
      kind: "wrong-type",
      span: statement.by.span,
      expected: `scores, ${wanted}`,
      found: showValue(scores),
    });
    return null;
  }
  const count = countKept(context, dim, to, multiple, statement);
  const left = [...leaving].map((each) => leftOf(context, statement, dim, layer, seen, each));
  if (count === null || left.includes(null)) return null;
  return { dim, count, scores, leaving: new Map(left.flatMap((each) => (each ? [each] : []))), statement };
}

/** A value at which what goes of an activation stays: one for each block and each of its dimensions but the samples'. */
function leftOf(
  context: Context,
  { leaving, dim: { text } }: Ast.Select,
  dim: Dimension,
  layer: Dimension,
  seen: ReadonlyMap<string, Tensor>,
  [name, value]: readonly [string, Tensor],
): readonly [string, Tensor] | null {
  const span = leaving?.span;
  if (!span) return null;
  const carried = [...seen].filter(([, { dims }]) => dims.some(({ streamed }) => streamed) && dims.includes(dim));
  const of = carried.find(([each]) => each === name)?.[1];
  if (!of) {
    const known = carried.map(([each]) => each);
    report(context, {
      kind: "unknown-name",
      span,
      name,
      what: `activation that the header sees with \`${text}\` named`,
      known,
    });
    return null;
  }
  const wanted = [layer, ...of.dims.filter(({ id, streamed }) => !streamed && id !== "token")];
  const isSuch = value.dtype === "f32" && value.dims.length === wanted.length;
  if (isSuch && wanted.every(({ id }) => value.dims.some((each) => each.id === id))) return [name, value];
  const expected = `what goes of \`${name}\` at a value of its own, f32[${wanted.map((each) => each.name).join(", ")}]`;
  report(context, { kind: "wrong-type", span, expected, found: showValue(value) });
  return null;
}

function countKept(
  context: Context,
  { name, size: of }: Dimension,
  to: Num,
  multiple: Num | null,
  { to: written }: Ast.Select,
): number | null {
  const size = known(of);
  if (size === undefined) return null;
  const { real } = countOf(to, size);
  const step = multiple?.real ?? 1;
  const count = real === null || real === size ? real : Math.floor(real / step) * step;
  if (count !== null && Number.isInteger(count) && count >= 1 && count <= size) return count;
  const range = `a whole number from ${step} to ${size}${step > 1 ? `, after rounding down to a multiple of ${step}` : ""}`;
  report(context, {
    kind: "out-of-range",
    span: written.span,
    what: `how many of \`${name}\` stay`,
    value: String(real),
    range,
  });
  return null;
}
