/** What lies in a tree, whatever its nodes are. */

/** A node by its fields. */
export type Tree = Readonly<Record<string, unknown>>;

const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null;

/** The nodes right below one, in the order of the text. */
export function childrenOf(node: Tree): readonly Tree[] {
  const children: Tree[] = [];
  for (const key of Object.keys(node)) {
    const child = key === "span" ? undefined : node[key];
    if (Array.isArray(child)) children.push(...child.filter(isTree));
    else if (isTree(child)) children.push(child);
  }
  return children;
}

/** A node and all that lies below it; those that contain others come first. */
export function* nodesOf(node: Tree): Generator<Tree> {
  yield node;
  for (const child of childrenOf(node)) yield* nodesOf(child);
}
