/** What lies in a tree, whatever its nodes are. */

/** A node by its fields. */
export type Tree = Readonly<Record<string, unknown>>;

const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null;

/** The nodes right below one, in the order of the text. */
export const childrenOf = (node: Tree): readonly Tree[] =>
  Object.entries(node).flatMap(([key, child]) => (key === "span" ? [] : [child].flat().filter(isTree)));

/** A node and all that lies below it; those that contain others come first. */
export function* nodesOf(node: Tree): Generator<Tree> {
  yield node;
  for (const child of childrenOf(node)) yield* nodesOf(child);
}
