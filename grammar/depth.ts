/** How deep a tree is, found without recursion: what passes may recurse into is bounded here. */
import type { Declaration } from "./ast.ts";
import type { Span } from "./source.ts";
import { childrenOf, type Tree } from "./walk.ts";

/** Deeper trees are refused. A chain `a + b + …` is as deep as it is long. */
const deepestTree = 500;

/** The first node of a declaration that lies too deep, if there is one. */
export function tooDeep(declaration: Declaration): Span | undefined {
  const open = [{ node: declaration as unknown as Tree, depth: 0, span: declaration.span }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { node, depth } = next;
    const span = (node["span"] as Span | undefined) ?? next.span;
    if (depth > deepestTree) return span;
    for (const child of childrenOf(node)) open.push({ node: child, depth: depth + 1, span });
  }
  return undefined;
}
