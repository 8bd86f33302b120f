/** Names in functions that are checked only where they are called: misspelled ones are found here, before any call. */
import type * as Ast from "../../grammar/ast.ts";
import { type Context, findValue, knownNames, report, type Scope } from "./context.ts";

type Tree = Readonly<Record<string, unknown>>;

const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null;

/** A node and all that lies below it. */
function* nodesOf(node: Tree): Iterable<Tree> {
  yield node;
  const children = Object.entries(node).flatMap(([key, child]) => (key === "span" ? [] : [child].flat()));
  for (const child of children) if (isTree(child)) yield* nodesOf(child);
}

/** Reports each name that neither the function nor its module declares, whatever it may stand for. */
export function checkNames(context: Context, { parameters, body }: Ast.Fn, scope: Scope): void {
  const nodes = [...parameters, body].flatMap((part) => [...nodesOf(part as unknown as Tree)]);
  const declared = new Set(
    nodes.flatMap(({ kind, text }) => (kind === undefined && typeof text === "string" ? [text] : [])),
  );
  for (const node of nodes) {
    if (node["kind"] !== "name") continue;
    const { text: name, span } = node as unknown as Ast.NameExpression;
    if (declared.has(name) || findValue(scope, name)) continue;
    report(context, {
      kind: "unknown-name",
      span,
      name,
      what: "value",
      known: [...declared, ...knownNames(scope, "values")],
    });
  }
}
