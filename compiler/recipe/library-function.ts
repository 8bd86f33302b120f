/** Functions of the library that the compiler calls itself, where what it finds of models is to be written in the language. */
import type { Span } from "../../grammar/source.ts";
import type { Node } from "../graph/ops.ts";
import { invariant } from "../invariant.ts";
import { given } from "../language/bind.ts";
import type { Context } from "../language/context.ts";
import type { Modules } from "../language/declare.ts";
import { scopeIn } from "../language/scope.ts";
import type { Operand, Scope, Value } from "../language/value.ts";

export interface LibraryCall {
  readonly context: Context;
  /** That of the caller; null where it has no dimensions. */
  readonly scope: Scope | null;
  readonly span: Span;
}

/** The tensors of the record that a function of a module gives, by the names of its fields; none where it is wrong, which was said. */
export function fieldsOf(
  { context, scope, span }: LibraryCall,
  modules: Modules,
  [module, name]: readonly [module: string, name: string],
  values: Readonly<Record<string, Value | undefined>>,
): ReadonlyMap<string, Node> {
  const declared = modules.scopes.get(module)?.values.get(name);
  invariant(declared?.kind === "callable", `${module} has no function ${name}`);
  const operands = Object.entries(values).flatMap(([key, value]): [string, Operand][] =>
    value ? [[key, { value, span }]] : [],
  );
  const call = { context, scope: scopeIn(scope), span };
  const found = declared.form([]).apply(call, given(call.scope, new Map(operands)));
  const fields = found.kind === "record" ? [...found.fields] : [];
  return new Map(fields.flatMap(([field, value]) => (value.kind === "tensor" ? [[field, value.node] as const] : [])));
}
