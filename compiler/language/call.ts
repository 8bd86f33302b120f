/** Calls: of declared functions, of builtins, and of what values offer (`text.train.sample(…)`, `sparsity.keep(d)`). */
import type * as Ast from "../../grammar/ast.ts";
import { type Span, textAt } from "../../grammar/source.ts";
import {
  bindDimension,
  bindValue,
  type Context,
  dimensionsNamed,
  findDimension,
  findValue,
  knownNames,
  report,
  reportDimension,
  type Scope,
  scopeIn,
} from "./context.ts";
import { evaluate, evaluateBlock, operand } from "./expression.ts";
import { reportUnknown } from "./names.ts";
import { corpusCall, sparsityCall } from "./property.ts";
import { matchResult, matchTensor, plainParameter, tensorTypeOf } from "./signature.ts";
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
    return reportUnknown(context, callee, "function", knownNames(scope, "values"));
  const target = evaluate(context, scope, callee);
  if (target.kind === "callable") return target.call(context, scope, expression);
  if (target.kind === "model") return applyModel(context, scope, target, expression);
  if (target.kind === "wrong") return wrong;
  const hint = callee.kind === "name" && isBuiltin(scope, callee.text) ? hides(callee.text) : "";
  return report(context, { kind: "wrong-type", span, expected: "a function", found: showValue(target), hint });
}

const hides = (name: string): string => `\`${name}\` is a value here and hides the function: give it another name`;

/** Whether the language has a function of that name; the outermost scope holds them. */
function isBuiltin(scope: Scope, name: string): boolean {
  let outermost = scope;
  while (outermost.parent) outermost = outermost.parent;
  return outermost.values.has(name);
}

/** What a model is called with. */
export const windowTokens = "tokens of windows, such as `text.windows(512)`";

function applyModel(context: Context, scope: Scope, model: ModelValue, { arguments: given, span }: Ast.Call): Value {
  const [first] = given;
  if (first?.kind !== "value" || given.length !== 1)
    return report(context, { kind: "wrong-arguments", span, of: model.name, form: `${model.name}(tokens)` });
  const tokens = evaluate(context, scope, first.value);
  if (tokens.kind !== "tensor")
    return tokens.kind === "wrong"
      ? wrong
      : report(context, { kind: "wrong-type", span: first.span, expected: windowTokens, found: showValue(tokens) });
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
  const areGood = given.map((argument) => bindArgument(context, scope, of, parameters, argument, bound)).every(Boolean);
  if (!areGood) return null;
  const missing = parameters.filter(
    ({ name, value }) => !bound.values.has(name.text) && !bound.dims.has(name.text) && !value,
  );
  for (const { name, label, type } of missing) {
    const [shown, typed] = [label ? `${label} ${name.text}` : name.text, type ? textAt(type.span) : ""];
    report(context, { kind: "missing-parameter", span, of, name: shown, type: typed, form: formOf(of, parameters) });
  }
  return missing.length === 0 ? bound : null;
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
  const parameter = parameterFor(
    context,
    of,
    parameters,
    argument,
    new Map<string, { readonly span: Span }>([...values, ...dims]),
  );
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

/** `wanda(sparsity: Sparsity = 50%)`: how a call may look. */
function formOf(of: string, parameters: readonly Ast.Parameter[]): string {
  const shown = parameters.map(({ label, name, type, value }) =>
    [label && `${label} `, name.text, type && `: ${textAt(type.span)}`, value && ` = ${textAt(value.span)}`].join(""),
  );
  return `${of}(${shown.join(", ")})`;
}

/** A parameter of what the language itself provides; `over d` takes dimensions. */
export function parameter(form: string, value?: number): Ast.Parameter {
  const spanOf = (text: string): Span => ({ file: { path: "", text }, start: 0, end: text.length });
  const [text, span, number] = [form.replace(/^over /, ""), spanOf(form), `${value}`];
  return {
    name: { text, span },
    doc: "",
    ...(text !== form && { label: "over" }),
    ...(value !== undefined && { value: { kind: "number", value, text: number, span: spanOf(number) } }),
    span,
  };
}

function parameterFor(
  context: Context,
  of: string,
  parameters: readonly Ast.Parameter[],
  argument: Ast.Argument,
  taken: ReadonlyMap<string, { readonly span: Span }>,
): Ast.Parameter | null {
  const { span } = argument;
  const label = argument.kind === "over" ? argument.label : undefined;
  const wanted = argument.kind === "value" ? argument.name : undefined;
  const fitting = argument.kind === "mapping" ? [] : parameters.filter((each) => each.label === label);
  const meant = wanted ? fitting.filter(({ name }) => name.text === wanted.text) : fitting;
  const found = meant.find(({ name }) => !taken.has(name.text));
  if (found) return found;
  const form = formOf(of, parameters);
  const name = wanted?.text ?? (label && `${label} …`);
  const [again] = name ? meant : [];
  const first = again && taken.get(again.name.text);
  if (name && !first) {
    const known = parameters.map((each) => each.name.text);
    report(context, { kind: "unknown-parameter", span, of, name, known, form });
  } else
    report(context, {
      kind: "wrong-arguments",
      span,
      of,
      surplus: name ?? textAt(span),
      ...(first && { first: first.span }),
      form,
    });
  return null;
}

/** The dimensions that `over …` names; a `Dim` parameter may stand for several. */
function dimensionsOver(
  context: Context,
  scope: Scope,
  { dims }: { readonly dims: readonly Ast.Name[] },
): Dimension[] | null {
  const found: Dimension[] = [];
  for (const name of dims) {
    const named = dimensionsNamed(scope, name.text);
    if (!named) {
      reportDimension(context, scope, name.text, name.span);
      return null;
    }
    const isSame = (dim: Dimension) => named.some(({ id }) => id === dim.id);
    const first = dims.find(({ text }) => dimensionsNamed(scope, text)?.some(isSame));
    if (first && first !== name) {
      report(context, { kind: "duplicate-name", span: name.span, name: name.text, first: first.span });
      return null;
    }
    found.push(...named);
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
  for (const { value } of bound.values.values()) takeIdentities(inside.taken, value, new Set());
  for (const { dims } of bound.dims.values()) for (const { id } of dims) inside.taken.add(id);
  context.calls.push({ span: caller.span, name: caller.isUsers === false ? "" : fn.name.text, declaration: fn.span });
  try {
    if (!bindParameters(context, { caller: caller.scope, inside }, fn, bound)) return wrong;
    return matchResult(context, caller, inside, fn, evaluateBlock(context, inside, fn.body));
  } finally {
    context.calls.pop();
  }
}

/** False if one is wrong. */
function bindParameters(
  context: Context,
  { caller, inside }: { readonly caller: Scope; readonly inside: Scope },
  fn: Ast.Fn,
  bound: Bound,
): boolean {
  let areGood = true;
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
    const tensorType = type && tensorTypeOf(type);
    const value = tensorType
      ? matchTensor(context, { caller, inside }, tensorType, given, rest)
      : plainParameter(context, inside, fn.name.text, parameter, given);
    areGood &&= value.kind !== "wrong";
    bindValue(context, inside, name, value);
  }
  return areGood;
}

/** Marks the dimensions of a value as taken; a record that occurs in it several times is gone through once. */
function takeIdentities(taken: Set<string>, value: Value, seen: Set<Value>): void {
  if (value.kind === "tensor") for (const { id } of value.dims) taken.add(id);
  if (value.kind !== "record" || seen.has(value)) return;
  seen.add(value);
  for (const field of value.fields.values()) takeIdentities(taken, field, seen);
}
