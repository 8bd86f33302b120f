/** What a tree says without being evaluated: which names it reads, and which functions call one another in a circle. */
import type * as Ast from "../../grammar/ast.ts";
import { nodesOf, type Tree } from "../../grammar/walk.ts";
import { type Context, report } from "./context.ts";

/** Every node with a kind, as which expressions can be told, in the order of the text; those that contain others come first. */
export function* expressionsIn(part: object): Iterable<Ast.Expression> {
  for (const node of nodesOf(part as Tree)) if (node["kind"] !== undefined) yield node as unknown as Ast.Expression;
}

/** Names that parts of a function give. */
const declaredIn = (nodes: readonly Tree[]): ReadonlySet<string> =>
  new Set(nodes.flatMap(({ kind, text }) => (kind === undefined && typeof text === "string" ? [text] : [])));

/** What the expressions of trees are names of, found once. */
const named = new WeakMap<readonly object[], ReadonlySet<string>>();

/** Whether an expression somewhere in the trees is this name. */
export function isNamed(name: string, trees: readonly object[]): boolean {
  const namesIn = (tree: object): string[] =>
    [...expressionsIn(tree)].flatMap((each) => (each.kind === "name" ? [each.text] : []));
  const names = named.get(trees) ?? new Set(trees.flatMap(namesIn));
  named.set(trees, names);
  return names.has(name);
}

/** Whether functions of a module call one another in a circle; each call that closes one is a problem. */
export function haveCircles(context: Context, { declarations }: Ast.Module): boolean {
  const functions = new Map(
    declarations.flatMap((each) => (each.kind === "fn" ? [[each.name.text, each] as const] : [])),
  );
  let isCircular = false;
  const [done, open] = [new Set<Ast.Fn>(), new Set<Ast.Fn>()];
  // What is left to visit; a function that is open is met again when all that it calls is done.
  const left = [...functions.values()];
  for (let fn = left.at(-1); fn; fn = left.at(-1)) {
    if (done.has(fn) || open.has(fn)) {
      left.pop();
      open.delete(fn);
      done.add(fn);
      continue;
    }
    open.add(fn);
    for (const { callee, span } of callsIn(fn)) {
      const called = functions.get(callee.text);
      if (called && open.has(called)) {
        isCircular = true;
        report(context, { kind: "recursion", span, name: called.name.text, declared: called.name.span });
      } else if (called && !done.has(called)) left.push(called);
    }
  }
  return isCircular;
}

type CallByName = Ast.Call & { readonly callee: Ast.NameExpression };

/** Calls of what has a name of its own in the module, and none in the function. */
function callsIn({ parameters, body }: Ast.Fn): readonly CallByName[] {
  const nodes = [...parameters, body].flatMap((part) => [...nodesOf(part as unknown as Tree)]);
  const declared = declaredIn(nodes);
  return nodes.flatMap((node) => {
    const call = node as unknown as Ast.Call;
    return node["kind"] === "call" && call.callee.kind === "name" && !declared.has(call.callee.text)
      ? [call as CallByName]
      : [];
  });
}
