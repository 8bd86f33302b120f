/** Names that nothing has, and names that two things have: what is said of them. */
import type * as Ast from "../../grammar/ast.ts";
import { nearest } from "../../grammar/suggest.ts";
import { habits } from "../problems/habits.ts";
import { type Context, report } from "./context.ts";
import type { Wrong } from "./value.ts";

/** Says that there is no such function or value, and what to write: the import that is missing, or what takes its place. */
export function reportUnknown(
  context: Context,
  { text: name, span }: Ast.Name,
  what: "function" | "value",
  known: readonly string[],
): Wrong {
  const hint =
    importing(context, name) ?? habits.get(name) ?? (nearest(name, known) ? undefined : nearExport(context, name));
  return report(context, { kind: "unknown-name", span, name, what, ...(hint ? { known: [], hint } : { known }) });
}

/** False, and a problem, where a name stands twice in a row whose names must differ. */
export function areDistinct(context: Context, names: readonly Ast.Name[], hint?: string): boolean {
  const seen = new Map<string, Ast.Name>();
  return names.map((name) => isNew(context, seen, name, hint)).every(Boolean);
}

/** Whether none of those that were seen has the name, which is seen from then on; a problem if one has. */
export function isNew(context: Context, seen: Map<string, Ast.Name>, name: Ast.Name, hint?: string): boolean {
  const { text, span } = name;
  const first = seen.get(text);
  if (first) report(context, { kind: "duplicate-name", span, name: text, first: first.span, ...(hint && { hint }) });
  else seen.set(text, name);
  return !first;
}

function importing(context: Context, name: string): string | undefined {
  const module = context.exports().get(name);
  return module && `add \`import { ${name} } from "${module}"\``;
}

function nearExport(context: Context, name: string): string | undefined {
  const meant = nearest(name, [...context.exports().keys()]);
  return meant && `did you mean \`${meant}\`? ${importing(context, meant)}`;
}
