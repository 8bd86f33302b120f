/**
 * Where the bodies of a sweep are evaluated: those of rows by themselves, of short runs, by the kernel of a panel, from the values that
 * it holds; any other by kernels of its own, before the first panel of each run. Such a body becomes a graph over what the sweep works in.
 */
import { bodyNames, columnsOf, dimsOfRun } from "../graph/bodies.ts";
import type { Graph } from "../graph/graph.ts";
import { type Maker, maker } from "../graph/make.ts";
import type { Body, Level, Node, NodeOf } from "../graph/ops.ts";
import { reachOf } from "../graph/reach.ts";
import { isRoutine, takenWhole } from "../graph/routine.ts";
import { count, type Dim, sizeOf } from "../graph/type.ts";
import { isView } from "../graph/view.ts";
import { costs } from "./cost.ts";

/** Columns whose values the kernel of a panel holds at a time. They decide in which order products are added. */
export const widest = 32;

/** What a body's own kernels read, beside what bodies of levels above have given, which has the names of `bodyNames.above`. */
export const stepNames = {
  /** All columns: frozen, or as they are by then. */
  values: "values",
  /** The position of every level, along `word`. */
  positions: "positions",
  word: "word",
} as const;

/** A body that kernels of its own evaluate, as a graph. */
export interface StepGraph {
  readonly level: number;
  readonly graph: Graph;
  /** What inputs of the graph stand for, by name: nodes of the graph that the sweep is in. */
  readonly given: ReadonlyMap<string, Node>;
}

/** The first of the levels whose bodies the kernel of a panel evaluates; as many as there are levels if it evaluates none. */
export function firstInside(node: NodeOf<"feedback">): number {
  const { levels } = node.attrs;
  const isInside = ({ body }: Level, level: number): boolean => {
    const columns = columnsOf(levels, level);
    const isCheap = level === levels.length - 1 || costOf(body, node) <= dear * columns;
    return columns <= widest && keepsRows(body, node) && body.nodes.every(isShort) && isCheap;
  };
  return 1 + levels.findLastIndex((level, i) => !isInside(level, i));
}

/** What a column may cost beside what is taken from it, some 100: the kernel of a panel leaves a row to one invocation. */
const dear = 1000;

/** Of one row. */
function costOf({ nodes, outputs }: Body, node: NodeOf<"feedback">): number {
  const known = costs(nodes, new Set());
  const elements = ({ type }: Node): number =>
    count({ dims: type.dims.filter(({ name }) => rowsOf(node).every((dim) => dim.name !== name)) });
  return outputs.reduce((sum, { node: of }) => sum + elements(of) * (known[of.id]?.alone ?? 0), 0);
}

/** The inputs that kernels of bodies read, beside what the sweep works in. */
export function readApart(node: NodeOf<"feedback">): readonly Node[] {
  const apart = node.attrs.levels.slice(0, firstInside(node)).flatMap(({ body }) => body.nodes);
  const isRead = (name: string): boolean => apart.some(({ op, attrs }) => op === "input" && attrs.name === name);
  return node.inputs.slice(2).filter((_, i) => isRead(bodyNames.given(i)));
}

/** Whether rows are swept each by itself, and everything that bodies give has them. */
export const isByRows = (node: NodeOf<"feedback">): boolean =>
  node.attrs.levels.every(
    ({ body }) =>
      keepsRows(body, node) &&
      body.outputs.every(({ node: { type } }) => rowsOf(node).every(({ name }) => sizeOf(type, name) !== undefined)),
  );

/** The dimensions of rows. */
export const rowsOf = ({ type, attrs: { along } }: NodeOf<"feedback">): readonly Dim[] =>
  dimsOfRun(type.dims, along, []);

/** Whether the body reads everything in the row that it is for. */
const keepsRows = ({ nodes }: Body, node: NodeOf<"feedback">): boolean =>
  nodes.every((each) => !movedBy(each).some((name) => rowsOf(node).some((dim) => dim.name === name)));

/** Whether the node is an expression of single elements, or of few. */
const isShort = (node: Node): boolean => (node.op === "best" ? termsOf(node) <= widest : !isRoutine(node));

const termsOf = ({ inputs: [x], attrs: { over } }: NodeOf<"best">): number =>
  count({ dims: x.type.dims.filter(({ name }) => over.includes(name)) });

/** The dimensions of its operand at whose other positions the node reads. */
function movedBy(node: Node): readonly string[] {
  if (isRoutine(node)) return takenWhole(node);
  switch (node.op) {
    case "reduce":
      return node.attrs.over;
    case "rename":
      return [node.attrs.from, node.attrs.to];
    case "merge":
      return node.attrs.dims;
    case "split":
    case "gather":
      return [node.attrs.dim];
    default:
      return [];
  }
}

/** The outputs of a level's body that are read: by bodies below it, or as parts of the sweep. */
export function neededOutputs(node: NodeOf<"feedback">, level: number, parts: ReadonlySet<string>): Body["outputs"] {
  const { levels } = node.attrs;
  const { dim, body } = levels[level] ?? { dim: { name: "" }, body: { outputs: [] } };
  const read = new Set(
    levels
      .slice(level + 1)
      .flatMap(({ body: { nodes } }) => nodes.flatMap((each) => (each.op === "input" ? [each.attrs.name] : []))),
  );
  const isLast = level === levels.length - 1;
  return body.outputs.filter(
    ({ name }) => parts.has(name) || read.has(bodyNames.above(dim.name, name)) || (isLast && name === bodyNames.frozen),
  );
}

/** The graph of what a body gives, of `outputs`, in one step. */
export function stepGraph(node: NodeOf<"feedback">, level: number, outputs: Body["outputs"]): StepGraph {
  const made = maker();
  const given = new Map<string, Node>();
  const input = inputsOf(node, level, made, given);
  const images = new Map<Node, Node>();
  const image = (of: Node): Node => images.get(of) ?? of;
  for (const each of node.attrs.levels[level]?.body.nodes ?? [])
    images.set(each, each.op === "input" ? input(each) : made.copy(each, image));
  const graph = made.graph(
    "body",
    outputs.map((output) => ({ ...output, node: image(output.node) })),
  );
  return { level, graph, given };
}

/** What stands for the inputs of a body. */
function inputsOf(
  { inputs, type, attrs: { along, levels }, origin }: NodeOf<"feedback">,
  level: number,
  made: Maker,
  given: Map<string, Node>,
): (input: NodeOf<"input">) => Node {
  const { make } = made;
  const leaf = (name: string, of: Pick<Node, "type">): Node =>
    make("input", [], { name, type: of.type, role: "state" }, origin);
  const words = { dtype: "i32", dims: [{ name: stepNames.word, size: levels.length }] } as const;
  const position = (of: number): Node => {
    const at = make("constant", [], { value: of, dtype: "i32" }, origin);
    return make("gather", [leaf(stepNames.positions, { type: words }), at], { dim: stepNames.word }, origin);
  };
  const run = (): Node => {
    const into = levels.map(({ dim }) => dim);
    const values = make("split", [leaf(stepNames.values, { type })], { dim: along, into }, origin);
    return into
      .slice(0, level + 1)
      .reduce((x, dim, i) => make("gather", [x, position(i)], { dim: dim.name }, origin), values);
  };
  /** Down to what has memory. */
  const outside = (node: Node): Node => {
    if (isInPlace(node)) return made.copy(node, outside);
    const name = `%${node.id}`;
    given.set(name, node);
    return leaf(name, node);
  };
  return ({ type: own, attrs: { name } }) => {
    if (name === bodyNames.run) return run();
    const of = levels.findIndex(({ dim }) => name === bodyNames.position(dim.name));
    if (of >= 0) return position(of);
    const number = inputs.slice(2).findIndex((_, i) => name === bodyNames.given(i));
    const whole = inputs[number + 2];
    return number >= 0 && whole !== undefined ? outside(whole) : leaf(name, { type: own });
  };
}

/** Whether the node is read where its operand lies, or is none but a position. */
export const isInPlace = (node: Node): boolean =>
  node.op === "constant" ||
  reachOf(node) !== undefined ||
  isView(node) ||
  (node.op === "gather" && reachOf(node.inputs[1]) !== undefined);
