/** What the checker carries along: where problems go, whose names are visible, and whether a graph is being built. */
import type { Name } from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { Maker } from "../graph/make.ts";
import type { Node } from "../graph/ops.ts";
import { mostPositions } from "../graph/type.ts";
import type { Problem } from "../problems/problem.ts";
import { known, mayBeSame, type Size, showSize } from "./size.ts";
import {
  type Dimension,
  type ModelValue,
  type Stream,
  showValue,
  type Tensor,
  type Value,
  type Windows,
} from "./value.ts";
import { type Work, workFor } from "./work.ts";

/** How `observe` turns what streams past into what is kept. */
export interface Observer {
  /** One sample's contribution is combined into a state; gives the node that reads the state afterwards. */
  readonly accumulate: (contribution: Node, by: "sum" | "max" | "min", stream: Stream, name: string) => Node;
  /** One value per sample is kept, in order; gives the node that reads them along `sample`. */
  readonly collect: (each: Node, stream: Stream) => Node;
}

/** A linear layer of an architecture: y = x · Wᵀ (+ bias), with the stored matrix [out, in]. */
export interface Linear {
  readonly name: string;
  /** Path in the checkpoint without `.weight`; `{layer}` stands for the block's number. */
  readonly at: string;
  /** What it reads; a dimension that is also in `to` is read under another identity, so that the matrix has both. */
  readonly from: readonly Dimension[];
  readonly to: readonly Dimension[];
  /** The table that it shares its weight with. */
  readonly tied: string | null;
  readonly span: Span;
}

/** What happens where a forward pass meets a linear layer or the stack of blocks. */
export interface ForwardPass {
  readonly onLinear: (linear: Linear, input: Tensor, weight: Tensor) => void;
  readonly onBlocks: (input: Tensor, span: Span) => Value;
}

export interface Found {
  readonly problem: Problem;
  /** The stage whose method was at work. */
  readonly stage: Span | null;
  /** The calls that led there, outermost first. */
  readonly calls: readonly { readonly span: Span; readonly name: string }[];
}

export interface Context {
  readonly maker: Maker;
  readonly found: Found[];
  /** What is said of the inputs while the work goes on. */
  readonly notes: Found[];
  /** The types of each name that is bound, one for each kind of argument that a function meets. */
  readonly types: Map<Name, Set<string>>;
  readonly work: Work;
  readonly calls: { readonly span: Span; readonly name: string; readonly declaration: Span }[];
  /** Set below a condition that is not decided: what is evaluated may never be asked for. */
  readonly isOpen: boolean;
  /** ` in model.layers.0.mlp.down_proj`: which layer is at hand, for messages; empty in general. */
  readonly where: string;
  /** The stage whose method is at work. */
  readonly stage: Span | null;
  /** Set where there may be an `observe`. */
  readonly observer: Observer | null;
  /** The name of the `observe` at hand: inside it, and the functions that it calls, activations may be read. */
  readonly observing: string | null;
  /** How a model is applied to tokens, where that is possible (in a measure). */
  readonly apply: ((model: ModelValue, tokens: Tensor, span: Span) => Value) | null;
  /** Set while a forward pass is evaluated. */
  readonly pass: ForwardPass | null;
  /** How many windows there are; null while the text is not known. */
  readonly countWindows: (windows: Windows) => number | null;
  /** Names that could be imported, with the module of each. */
  readonly exports: () => ReadonlyMap<string, string>;
}

/** For a program of so many characters; see `workFor`. */
export const newContext = (
  maker: Maker,
  characters = 0,
  { countWindows = () => null, exports = () => new Map() }: Partial<Pick<Context, "countWindows" | "exports">> = {},
): Context => ({
  maker,
  found: [],
  notes: [],
  types: new Map(),
  work: workFor(characters),
  calls: [],
  isOpen: false,
  where: "",
  stage: null,
  observer: null,
  observing: null,
  apply: null,
  pass: null,
  countWindows,
  exports,
});

export interface Scope {
  readonly values: Map<string, Value>;
  readonly dims: Map<string, Dimension>;
  readonly parent: Scope | null;
  /** Identities that a new dimension must not take, since they can meet in an expression here. */
  readonly taken: Set<string>;
  /** Identities of the dimensions that were made in this scope, and are no caller's. */
  readonly made: Set<string>;
}

export const scopeIn = (parent: Scope | null): Scope => ({
  values: new Map(),
  dims: new Map(),
  parent,
  taken: new Set(parent?.taken),
  made: new Set(),
});

/** More are not noted: nobody reads them all, and each is compared with those before it. */
const mostProblems = 100;

/** Reports a problem once per place and kind, with the calls that led to it. */
export function report(context: Context, problem: Problem): { readonly kind: "wrong" } {
  addOnce(context.found, context, problem);
  return { kind: "wrong" };
}

/** Says something that the user should know, once per place and kind; the work goes on. */
export const note = (context: Context, problem: Problem): void => addOnce(context.notes, context, problem);

function addOnce(to: Found[], { stage, calls }: Context, problem: Problem): void {
  const again = to.some(({ problem: old }) => old.kind === problem.kind && old.span === problem.span);
  if (!again && to.length < mostProblems) to.push({ problem, stage, calls: [...calls] });
}

export function findValue(scope: Scope, name: string): Value | undefined {
  for (let at: Scope | null = scope; at; at = at.parent) {
    const found = at.values.get(name);
    if (found) return found;
  }
  return undefined;
}

export function findDimension(scope: Scope, name: string): Dimension | undefined {
  for (let at: Scope | null = scope; at; at = at.parent) {
    const found = at.dims.get(name);
    if (found) return found;
  }
  return undefined;
}

/** What a name means after `over`: one dimension, or the several that a `Dim` parameter stands for. */
export function dimensionsNamed(scope: Scope, name: string): readonly Dimension[] | null {
  const several = findValue(scope, `over ${name}`);
  if (several?.kind === "dims") return several.dims;
  const one = findDimension(scope, name);
  return one ? [one] : null;
}

/** Says that there is no such dimension; where a value of the scope is wrong, it may be missing for that, and nothing is said. */
export function reportDimension(context: Context, scope: Scope, name: string, span: Span): void {
  if ([...scope.values.values()].some(({ kind }) => kind === "wrong")) return;
  const value = findValue(scope, name);
  const hint = value?.kind === "tensor" ? `\`${name}\` is a value, ${showValue(value)}` : "";
  report(context, {
    kind: "unknown-name",
    span,
    name,
    what: "dimension",
    known: hint ? [] : knownNames(scope, "dims"),
    hint,
  });
}

/** All names that a message may suggest. */
export function knownNames(scope: Scope, what: "values" | "dims"): string[] {
  const names: string[] = [];
  for (let at: Scope | null = scope; at; at = at.parent) names.push(...at[what].keys());
  return names;
}

/**
 * Makes a dimension of this scope; null, and a problem, where that cannot be. A name has one size in a scope: made again with the
 * same size, it is the same dimension. Whether a size that a model decides is the same is seen when one is bound.
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
  for (let n = 2; scope.taken.has(id); n++) id = `${name}_${n}`;
  const made: Dimension = { id, name, size, source: "made here", span };
  bindDimension(scope, made);
  scope.made.add(id);
  return made;
}

export function bindDimension(scope: Scope, dimension: Dimension): void {
  scope.dims.set(dimension.name, dimension);
  scope.taken.add(dimension.id);
}

/** Binds a name, and notes its type. */
export function bindValue(context: Context, scope: Scope, name: Name, value: Value): void {
  scope.values.set(name.text, value);
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
  const what = `the size of \`${name}\``;
  const range = `at most ${mostPositions} (2^31)`;
  if (value > mostPositions) report(context, { kind: "out-of-range", span, what, value: String(value), range });
  else report(context, { kind: "not-whole", span, what, value: String(value), where: context.where });
}
