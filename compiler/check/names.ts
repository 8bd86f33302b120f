/** Names in functions that are checked only where they are called: misspelled ones are found here, before any call. */
import type * as Ast from "../../grammar/ast.ts";
import { type Context, findValue, knownNames, report, type Scope } from "./context.ts";

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** Reports each name that neither the function nor its module declares, whatever it may stand for. */
export function checkNames(context: Context, fn: Ast.Fn, scope: Scope): void {
  const used: Ast.NameExpression[] = [];
  const declared = new Set<string>();
  const visit = (node: unknown): void => {
    if (!isObject(node)) return;
    if (node["kind"] === "name") used.push(node as unknown as Ast.NameExpression);
    else if (typeof node["text"] === "string" && node["kind"] === undefined) declared.add(node["text"]);
    for (const [key, child] of Object.entries(node)) {
      if (key === "span" || key === "doc") continue;
      for (const each of Array.isArray(child) ? child : [child]) visit(each);
    }
  };
  for (const parameter of fn.parameters) visit(parameter);
  visit(fn.body);
  for (const { text: name, span } of used) {
    if (declared.has(name) || findValue(scope, name)) continue;
    const known = [...declared, ...knownNames(scope, "values")];
    report(context, { kind: "unknown-name", span, name, what: "value", known });
  }
}
