/**
 * What the bodies of a sweep read and give, by name. A body is evaluated at a position of its level and of those above, and sees one
 * run: what the levels below it divide, or, in the last one, a single column.
 */
import type { Level, Node, NodeOf } from "./ops.ts";
import { sameDims } from "./result-type.ts";
import { showNode } from "./show.ts";
import { count, type Dim, sizeOf, type TensorType } from "./type.ts";

export const bodyNames = {
  /** The values that the run has by then: x's dimensions, with those of the levels below in the place of `along`. */
  run: "x",
  /** The position of a level, a whole number: of the body's own, or of one above. */
  position: (level: string) => `at ${level}`,
  /** An input of the node after x and u, whole. Where it has `along`, the body takes it apart and gathers at positions. */
  given: (number: number) => `given ${number}`,
  /** What the body of a level above has given under a name, at its position. */
  above: (level: string, output: string) => `of ${level} ${output}`,
  /** An output of the last level: what the column takes. The other outputs are parts. */
  frozen: "frozen column",
} as const;

/** The inputs that the body of a level may have. */
function bodyInputs({ inputs, attrs }: NodeOf<"feedback">, level: number): ReadonlyMap<string, TensorType> {
  const [x, , ...given] = inputs;
  const { along, levels } = attrs;
  const result = new Map<string, TensorType>();
  result.set(bodyNames.run, { dtype: "f32", dims: dimsOfRun(x.type.dims, along, levels.slice(level + 1)) });
  for (const [i, { type }] of given.entries()) result.set(bodyNames.given(i), type);
  for (const [i, { dim, body }] of levels.slice(0, level + 1).entries()) {
    result.set(bodyNames.position(dim.name), { dtype: "i32", dims: [] });
    if (i < level) for (const { name, node } of body.outputs) result.set(bodyNames.above(dim.name, name), node.type);
  }
  return result;
}

/** The dimensions of one run: those of the levels below in the place of `along`. */
export const dimsOfRun = (dims: readonly Dim[], along: string, below: readonly Pick<Level, "dim">[]): readonly Dim[] =>
  dims.flatMap((dim) => (dim.name === along ? below.map((level) => level.dim) : [dim]));

/** How many columns a run of the level has. */
export const columnsOf = (levels: readonly Level[], level: number): number =>
  count({ dims: levels.slice(level + 1).map(({ dim }) => dim) });

/** A run of a level. */
interface Run {
  readonly level: number;
  /** Its place among all runs of the level, and among those of one run of the level above. */
  readonly run: number;
  readonly position: number;
  readonly column: number;
  readonly columns: number;
}

/** The runs in the order in which bodies are evaluated; after that of the last level a column is frozen. */
export function* runsOf(levels: readonly Level[]): Iterable<Run> {
  for (let column = 0; column < columnsOf(levels, -1); column++)
    for (const [level, { dim }] of levels.entries()) {
      const columns = columnsOf(levels, level);
      const run = column / columns;
      if (Number.isInteger(run)) yield { level, run, position: run % dim.size, column, columns };
    }
}

/** Why the bodies cannot be those of the node; undefined if they can. */
export function wrongBody(node: NodeOf<"feedback">): string | undefined {
  const { along, levels } = node.attrs;
  for (const [level, { dim, body }] of levels.entries()) {
    const wrong = body.nodes.find((each) => !isOfBody(each, bodyInputs(node, level)));
    if (wrong !== undefined) return `the body of ${dim.name} has ${showNode(wrong)}`;
  }
  const frozen = levels.at(-1)?.body.outputs.find(({ name }) => name === bodyNames.frozen)?.node.type;
  const dims = dimsOfRun(node.type.dims, along, []);
  const isColumn = frozen?.dtype === "f32" && dims.every(({ name, size }) => sizeOf(frozen, name) === size);
  return isColumn && frozen.dims.length === dims.length ? undefined : "no column is frozen";
}

function isOfBody(node: Node, inputs: ReadonlyMap<string, TensorType>): boolean {
  if (node.op !== "input") return node.op !== "feedback" && node.op !== "part";
  const type = inputs.get(node.attrs.name);
  return type !== undefined && type.dtype === node.type.dtype && sameDims(type.dims, node.type.dims);
}
