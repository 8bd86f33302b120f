/** Names: what they stand for in a scope, and which dimensions a value brings into one. */
import type { Name } from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { nearest } from "../../grammar/suggest.ts";
import { mostPositions } from "../graph/type.ts";
import { type Context, report } from "./context.ts";
import { known, mayBeSame, type Size, showSize } from "./size.ts";
import type { Dimension, Tensor } from "./tensor.ts";
import { dimsOf, type Scope, showValue, type Value, type Wrong } from "./value.ts";

export const scopeIn = (parent: Scope | null, foreign: ReadonlySet<string> = new Set(parent?.foreign)): Scope => ({
  values: new Map(),
  dims: new Map(),
  places: new Map(),
  parent,
  foreign,
});

/** The scope, or one inside it where the dimensions of the value have their names too: what stands beside a value sees them. */
export function beside(scope: Scope, value: Value): Scope {
  const own = brought(scope, value);
  return own.length === 0 ? scope : { ...scope, dims: new Map(own.map((dim) => [dim.name, [dim]])), parent: scope };
}

/** The dimensions of a value that were made in this scope, and have no name in it yet. */
const brought = (scope: Scope, value: Value): readonly Dimension[] =>
  dimsOf(value).filter(
    (dim) => !scope.foreign.has(dim.id) && !dimensionsNamed(scope, dim.name)?.some(({ id }) => id === dim.id),
  );

export function findValue(scope: Scope, name: string): Value | undefined {
  for (let at: Scope | null = scope; at; at = at.parent) {
    const found = at.values.get(name);
    if (found) return found;
  }
  return undefined;
}

/** What a name means after `over`: one dimension, or the several that a `Dim` parameter stands for. */
export function dimensionsNamed(scope: Scope, name: string): readonly Dimension[] | undefined {
  for (let at: Scope | null = scope; at; at = at.parent) {
    const found = at.dims.get(name);
    if (found) return found;
  }
  return undefined;
}

/** The one dimension of a name. */
export function findDimension(scope: Scope, name: string): Dimension | undefined {
  const [found, ...more] = dimensionsNamed(scope, name) ?? [];
  return more.length === 0 ? found : undefined;
}

/** Notes where a name that is used was declared. */
export function noteUse({ uses }: Context, scope: Scope, { text, span }: Name): void {
  for (let at: Scope | null = scope; at; at = at.parent) {
    const place = at.values.has(text) ? at.places.get(text) : at.dims.get(text)?.[0]?.span;
    if (place) uses.set(span, place);
    if (at.values.has(text) || at.dims.has(text)) return;
  }
}

/** Says that there is no such dimension; where a value of the scope is wrong, it may be missing for that, and nothing is said. */
export function reportDimension(context: Context, scope: Scope, { text: name, span }: Name): void {
  for (let at: Scope | null = scope; at; at = at.parent)
    if ([...at.values.values()].some(({ kind }) => kind === "wrong")) return;
  const value = findValue(scope, name);
  const known = knownNames(scope, "dims");
  const isNear = nearest(name, known) !== undefined;
  const made = `\`index(${name}: n)\` makes one, and what a \`let\` binds brings its own`;
  const hint = value?.kind === "tensor" ? `\`${name}\` is a value, ${showValue(value)}` : isNear ? "" : made;
  report(context, { kind: "unknown-name", span, name, what: "dimension", known: hint ? [] : known, hint });
}

/** Says that a tensor, written at a place, lacks a dimension. */
export const reportAbsent = (context: Context, { text: name, span }: Name, x: Tensor, value: Span): Wrong =>
  report(context, {
    ...{ kind: "absent-dimension", span, name, type: showValue(x), value },
    known: x.dims.map((dim) => dim.name),
  });

/** All names that a message may suggest. */
export function knownNames(scope: Scope, what: "values" | "dims"): string[] {
  const names: string[] = [];
  for (let at: Scope | null = scope; at; at = at.parent) names.push(...at[what].keys());
  return names;
}

/**
 * A dimension for a value that is made in this scope; null, and a problem, where that cannot be. A name has one size in a scope:
 * made again with the same size, it is the same dimension. Whether a size that a model decides is the same is seen when one is
 * bound.
 */
export function makeDimension(context: Context, scope: Scope, name: string, size: Size, span: Span): Dimension | null {
  const old = findDimension(scope, name);
  if (old && mayBeSame(old.size, size)) return old;
  if (old) {
    report(context, {
      kind: "dimension-mismatch",
      span,
      name,
      found: showSize(size),
      expected: showSize(old.size),
      other: old.span ?? span,
      because: `${name} is ${showSize(old.size)}, ${old.source}`,
    });
    return null;
  }
  if (!isWholeSize(context, size, span, name)) return null;
  let id = name;
  for (let n = 2; scope.foreign.has(id); n++) id = `${name}_${n}`;
  return { id, name, size, source: "made here", span };
}

/** A fresh dimension under its own name, as the header of a method or an architecture declares it. */
export function declareDimension(
  scope: Scope,
  name: string,
  size: Size,
  source: string,
  more: Partial<Pick<Dimension, "span" | "streamed" | "isMissing" | "isOfLayers" | "reached">> = {},
): Dimension {
  const dimension: Dimension = { id: name, name, size, source, ...more };
  scope.dims.set(name, [dimension]);
  return dimension;
}

/** What a name stands for from here on, and where that is declared. */
export function declareValue(scope: Scope, { text, span }: Name, value: Value): void {
  scope.values.set(text, value);
  scope.places.set(text, span);
}

/** Binds a name, and those of the dimensions that the value brings; notes its type. */
export function bindValue(context: Context, scope: Scope, name: Name, value: Value): void {
  for (const dim of brought(scope, value)) scope.dims.set(dim.name, [dim]);
  declareValue(scope, name, value);
  const types = context.types.get(name) ?? new Set();
  context.types.set(name, types.add(showValue(value)));
}

/** Complains of a size that is known, and no whole number that a kernel can count. */
export function isWholeSize(context: Context, size: Size, span: Span, name: string): boolean {
  const value = known(size);
  if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= mostPositions)) return true;
  reportSize(context, span, name, value);
  return false;
}

/** Complains of a size that is no whole number, or one that no kernel can count. */
export function reportSize(context: Context, span: Span, name: string, value: number): void {
  const [what, range] = [`the size of \`${name}\``, `at most ${mostPositions} (2^31)`];
  if (value > mostPositions) report(context, { kind: "out-of-range", span, what, value: String(value), range });
  else report(context, { kind: "not-whole", span, what, value: String(value), where: context.where });
}
