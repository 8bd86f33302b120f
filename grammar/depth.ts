/** How deep a tree is, found without recursion: what passes may recurse into is bounded here. */
import type { Declaration } from "./ast.ts";
import type { Span } from "./source.ts";

/** Deeper trees are refused. A chain `a + b + …` is as deep as it is long. */
const deepestTree = 500;

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/** The first node of a declaration that lies too deep, if there is one. */
export function tooDeep(declaration: Declaration): Span | undefined {
  const open: { readonly node: object; readonly depth: number; readonly span: Span }[] = [
    { node: declaration, depth: 0, span: declaration.span },
  ];
  for (let next = open.pop(); next; next = open.pop()) {
    const { node, depth } = next;
    const span = "span" in node ? (node.span as Span) : next.span;
    if (depth > deepestTree) return span;
    for (const [key, child] of Object.entries(node))
      if (key !== "span" && isObject(child))
        open.push({ node: child, depth: depth + (Array.isArray(child) ? 0 : 1), span });
  }
  return undefined;
}
