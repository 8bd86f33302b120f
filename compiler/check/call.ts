/** Calls: of declared functions, of builtins, and of what values offer (`text.train.sample(…)`, `sparsity.keep(d)`). */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import {
  bindDimension,
  bindValue,
  type Context,
  dimensionsNamed,
  findDimension,
  findValue,
  knownNames,
  report,
  type Scope,
  scopeIn,
} from "./context.ts";
import { evaluate, evaluateBlock, operand } from "./expression.ts";
import { corpusCall, sparsityCall } from "./property.ts";
import { matchResult, matchTensor, plainParameter } from "./signature.ts";
import type { Operand } from "./tensor.ts";
import { type Dimension, type ModelValue, showValue, type Value, wrong } from "./value.ts";

export function call(context: Context, scope: Scope, expression: Ast.Call): Value {
  const { callee, span } = expression;
  if (callee.kind === "field") {
    const of = evaluate(context, scope, callee.value);
    if (of.kind === "sparsity") return sparsityCall(context, scope, of, callee.name, expression);
    if (of.kind === "corpus") return corpusCall(context, scope, of, callee.name, expression);
    if (of.kind === "wrong") return wrong;
  }
  if (callee.kind === "name" && !findValue(scope, callee.text))
    return report(context, {
      kind: "unknown-name",
      span: callee.span,
      name: callee.text,
      what: "function",
      known: knownNames(scope, "values"),
    });
  const target = evaluate(context, scope, callee);
  if (target.kind === "callable") return target.call(context, scope, expression);
  if (target.kind === "model") return applyModel(context, scope, target, expression);
  if (target.kind === "wrong") return wrong;
  return report(context, { kind: "wrong-type", span, expected: "a function", found: showValue(target) });
}

function applyModel(context: Context, scope: Scope, model: ModelValue, { arguments: given, span }: Ast.Call): Value {
  const [first] = given;
  if (first?.kind !== "value" || given.length !== 1)
    return report(context, { kind: "missing-parameter", span, of: "a model", name: "tokens", type: "" });
  const tokens = evaluate(context, scope, first.value);
  if (tokens.kind !== "tensor")
    return tokens.kind === "wrong"
      ? wrong
      : report(context, { kind: "wrong-type", span: first.span, expected: "tokens", found: showValue(tokens) });
  if (!context.apply) return report(context, { kind: "not-supported", span, what: "calling a model here" });
  const logits = context.apply(model, tokens, span);
  for (const dim of logits.kind === "tensor" ? logits.dims : []) {
    if (findDimension(scope, dim.name)) continue;
    bindDimension(scope, dim);
    scope.made.add(dim.id);
  }
  return logits;
}

/** What a call gave for each parameter. */
export interface Bound {
  readonly values: ReadonlyMap<string, { readonly value: Value; readonly span: Span }>;
  readonly dims: ReadonlyMap<string, { readonly dims: readonly Dimension[]; readonly span: Span }>;
}

/** Matches arguments with parameters by name and position; null if that fails. */
export function bindArguments(
  context: Context,
  scope: Scope,
  of: string,
  parameters: readonly Ast.Parameter[],
  given: readonly Ast.Argument[],
  span: Span,
): Bound | null {
  const bound: Binding = { values: new Map(), dims: new Map() };
  const before = context.found.length;
  const complete = given
    .map((argument) => bindArgument(context, scope, of, parameters, argument, bound))
    .every(Boolean);
  for (const { name, label, value, type } of complete ? parameters : []) {
    if (bound.values.has(name.text) || bound.dims.has(name.text) || value) continue;
    const [shown, typed] = [label ? `${label} ${name.text}` : name.text, type ? typeText(type) : ""];
    report(context, { kind: "missing-parameter", span, of, name: shown, type: typed });
  }
  return complete && context.found.length === before ? bound : null;
}

interface Binding {
  readonly values: Map<string, Operand>;
  readonly dims: Map<string, { readonly dims: readonly Dimension[]; readonly span: Span }>;
}

/** False if the argument fits no parameter or is itself wrong. */
function bindArgument(
  context: Context,
  scope: Scope,
  of: string,
  parameters: readonly Ast.Parameter[],
  argument: Ast.Argument,
  { values, dims }: Binding,
): boolean {
  const parameter = parameterFor(context, of, parameters, argument, new Set([...values.keys(), ...dims.keys()]));
  if (!parameter) return false;
  if (argument.kind === "over") {
    if ([...values.values()].some(({ value }) => value.kind === "wrong")) return false;
    const found = dimensionsOver(context, scope, argument);
    if (found) dims.set(parameter.name.text, { dims: found, span: argument.span });
    return found !== null;
  }
  if (argument.kind === "mapping") return false;
  const given = operand(context, scope, argument.value);
  values.set(parameter.name.text, given);
  return given.value.kind !== "wrong";
}

const typeText = ({ span }: Ast.TypeExpression) => span.file.text.slice(span.start, span.end);

function parameterFor(
  context: Context,
  of: string,
  parameters: readonly Ast.Parameter[],
  argument: Ast.Argument,
  taken: ReadonlySet<string>,
): Ast.Parameter | null {
  const label = argument.kind === "over" ? argument.label : undefined;
  const wanted = argument.kind === "value" ? argument.name : undefined;
  const free = parameters.filter((parameter) => parameter.label === label && !taken.has(parameter.name.text));
  const found =
    argument.kind === "mapping" ? undefined : wanted ? free.find(({ name }) => name.text === wanted.text) : free[0];
  if (found) return found;
  const name =
    argument.kind === "over"
      ? `${argument.label} …`
      : (wanted?.text ?? argument.span.file.text.slice(argument.span.start, argument.span.end));
  report(context, {
    kind: "unknown-parameter",
    span: argument.span,
    of,
    name,
    known: parameters.map((parameter) => parameter.name.text),
  });
  return null;
}

/** The dimensions that `over …` names; a `Dim` parameter may stand for several. */
export function dimensionsOver(
  context: Context,
  scope: Scope,
  { dims }: { readonly dims: readonly Ast.Name[] },
): Dimension[] | null {
  const found: Dimension[] = [];
  for (const { text, span } of dims) {
    const named = dimensionsNamed(scope, text);
    if (named) found.push(...named);
    else {
      report(context, { kind: "unknown-name", span, name: text, what: "dimension", known: knownNames(scope, "dims") });
      return null;
    }
  }
  return found;
}

/** A declared function as a value; it sees the scope of its declaration. */
export const functionValue = (fn: Ast.Fn, declaredIn: Scope): Value => ({
  kind: "callable",
  name: fn.name.text,
  call: (context, scope, expression) => {
    const bound = bindArguments(context, scope, fn.name.text, fn.parameters, expression.arguments, expression.span);
    return bound ? applyFunction(context, { scope, span: expression.span }, fn, declaredIn, bound) : wrong;
  },
});

/**
 * Checks a body with the arguments at hand: functions have no types of their own beyond what their header says. `isUsers` is
 * false where no call stands in a text.
 */
export function applyFunction(
  context: Context,
  caller: { readonly scope: Scope; readonly span: Span; readonly isUsers?: boolean },
  fn: Ast.Fn,
  declaredIn: Scope,
  bound: Bound,
): Value {
  if (context.calls.some(({ declaration }) => declaration === fn.span))
    return report(context, { kind: "recursion", span: caller.span, name: fn.name.text, declared: fn.name.span });
  const inside = scopeIn(declaredIn);
  for (const { value } of bound.values.values()) for (const id of identities(value)) inside.taken.add(id);
  for (const { dims } of bound.dims.values()) for (const { id } of dims) inside.taken.add(id);
  const before = context.found.length;
  context.calls.push({ span: caller.span, name: caller.isUsers === false ? "" : fn.name.text, declaration: fn.span });
  try {
    bindParameters(context, { caller: caller.scope, inside }, fn, bound);
    if (context.found.length > before) return wrong;
    const result = evaluateBlock(context, inside, fn.body);
    return context.found.length > before ? wrong : matchResult(context, caller, inside, fn, result);
  } finally {
    context.calls.pop();
  }
}

function bindParameters(
  context: Context,
  { caller, inside }: { readonly caller: Scope; readonly inside: Scope },
  fn: Ast.Fn,
  bound: Bound,
): void {
  const rest: { dims: readonly Dimension[] | null } = { dims: null };
  for (const [name, { dims }] of bound.dims) {
    const [only] = dims;
    if (only && dims.length === 1) inside.dims.set(name, only);
    else inside.values.set(`over ${name}`, { kind: "dims", dims });
  }
  for (const parameter of fn.parameters.filter(({ label }) => !label)) {
    const { name, type, value: fallback } = parameter;
    const given = bound.values.get(name.text) ?? (fallback ? operand(context, inside, fallback) : null);
    if (!given) continue;
    let { value } = given;
    if (type?.kind === "tensor-type") value = matchTensor(context, { caller, inside }, type, given, rest);
    else if (type) value = plainParameter(context, inside, fn.name.text, parameter, type, given);
    bindValue(context, inside, name, value);
  }
}

function identities(value: Value): string[] {
  if (value.kind === "tensor") return value.dims.map(({ id }) => id);
  return value.kind === "record" ? [...value.fields.values()].flatMap(identities) : [];
}
