/** Names in functions that are checked only where they are called: misspelled ones are found here, before any call. */
import type * as Ast from "../../grammar/ast.ts";
import { nearest } from "../../grammar/suggest.ts";
import { type Context, findValue, knownNames, report, type Scope } from "./context.ts";
import { habit } from "./habits.ts";
import type { Wrong } from "./value.ts";

/** Says that there is no such function or value, and what to write: the import that is missing, or what takes its place. */
export function reportUnknown(
  context: Context,
  { text: name, span }: Ast.Name,
  what: "function" | "value",
  known: readonly string[],
): Wrong {
  const hint =
    importing(context, name) ?? habit(name) ?? (nearest(name, known) ? undefined : nearExport(context, name));
  return report(context, { kind: "unknown-name", span, name, what, ...(hint ? { known: [], hint } : { known }) });
}

/** False, and a problem, where a name stands twice in a row whose names must differ. */
export function areDistinct(context: Context, names: readonly Ast.Name[], hint?: string): boolean {
  const seen = new Map<string, Ast.Name>();
  let isFirst = true;
  for (const name of names) {
    const first = seen.get(name.text);
    seen.set(name.text, name);
    if (!first) continue;
    isFirst = false;
    report(context, {
      kind: "duplicate-name",
      span: name.span,
      name: name.text,
      first: first.span,
      ...(hint && { hint }),
    });
  }
  return isFirst;
}

function importing(context: Context, name: string): string | undefined {
  const module = context.exports().get(name);
  return module && `add \`import { ${name} } from "${module}"\``;
}

function nearExport(context: Context, name: string): string | undefined {
  const meant = nearest(name, [...context.exports().keys()]);
  return meant && `did you mean \`${meant}\`? ${importing(context, meant)}`;
}

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
    reportUnknown(context, { text: name, span }, "value", [...declared, ...knownNames(scope, "values")]);
  }
}
