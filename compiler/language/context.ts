/** What evaluation carries along: where nodes are made, where problems go, and what is left beside values. */
import type { Name } from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { Maker } from "../graph/make.ts";
import type { Problem } from "../problems/problem.ts";
import { atom, fixed } from "./size.ts";
import type { Dimension, Windows } from "./tensor.ts";
import { newTrace, type Trace } from "./trace.ts";
import { type Work, workFor } from "./work.ts";

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
  /** Where each name that is used was declared: from the use to the declaration. */
  readonly uses: Map<Span, Span>;
  readonly work: Work;
  readonly trace: Trace;
  readonly calls: { readonly span: Span; readonly name: string; readonly declaration: Span }[];
  /** Set below a condition that is not decided: what is evaluated may never be asked for. */
  readonly isOpen: boolean;
  /** ` in model.layers.0.mlp.down_proj`: which layer is at hand, for messages; empty in general. */
  readonly where: string;
  /** The sizes that the dimensions of layers have in the stage at hand, by their names in a method's header, for messages. */
  readonly layerSizes: ReadonlyMap<string, readonly number[]>;
  /** The stage whose method is at work. */
  readonly stage: Span | null;
  /** The name of the `observe` at hand: inside it, and the functions that it calls, activations may be read. */
  readonly observing: string | null;
  /** Along which numbers of all layers of the stage lie, block by block; null where there is no layer at hand. */
  readonly layers: readonly [layer: Dimension, linear: Dimension] | null;
  /** Along which lies what is observed of every block, where a method sees blocks: their weights, too, are read inside `observe` alone. */
  readonly block: Dimension | null;
  /** What is 0 of a matrix that is swept stays so: the stage keeps zeros. */
  readonly keepsZeros: boolean;
  /** How many windows there are; null while the text is not known. */
  readonly countWindows: (windows: Windows) => number | null;
  /** Names that could be imported, with the module of each. */
  readonly exports: () => ReadonlyMap<string, string>;
}

/** Along which numbers of all layers of a stage lie; while they are not known, their sizes are open. */
export const layersOfStage = (counts?: readonly [blocks: number, linears: number]): NonNullable<Context["layers"]> => {
  const along = (name: string, count: number | undefined): Dimension => {
    return { id: name, name, size: count === undefined ? atom(name) : fixed(count), source: "the stage" };
  };
  return [along("layer", counts?.[0]), along("linear", counts?.[1])];
};

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
  uses: new Map(),
  work: workFor(characters),
  trace: newTrace(),
  calls: [],
  isOpen: false,
  where: "",
  layerSizes: new Map(),
  stage: null,
  observing: null,
  layers: layersOfStage(),
  block: null,
  keepsZeros: false,
  countWindows,
  exports,
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
