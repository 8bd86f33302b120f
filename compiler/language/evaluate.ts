/** Evaluation, the only recursion: expressions to values, blocks in order, calls of what can be called. */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { bindArguments } from "./bind.ts";
import { written } from "./builtins.ts";
import { bindParameters, foreignTo, keyOf } from "./call.ts";
import { type Context, report } from "./context.ts";
import { codesOf } from "./format.ts";
import { modelFunction } from "./kinds.ts";
import { nameOf, textOf } from "./lookup.ts";
import { memberOf } from "./members.ts";
import { areDistinct, reportUnknown } from "./names.ts";
import { isCounted, literal, number, unknownNumber, unknownWhole } from "./number.ts";
import { keptBy } from "./observe.ts";
import { arithmeticOf, comparisonOf, finite, logicOf, negative, notOf, selectOf, zeros } from "./operations.ts";
import { remember } from "./remember.ts";
import { repeated } from "./repeat.ts";
import { beside, bindValue, findValue, knownNames, noteUse, scopeIn } from "./scope.ts";
import { noteRotation, noteSelection } from "./select.ts";
import { pick, slice } from "./selection.ts";
import { type Header, matchResult } from "./signature.ts";
import { sweepOf } from "./sweep.ts";
import { newTrace } from "./trace.ts";
import {
  type Bound,
  type Call,
  type Callable,
  isUnknown,
  type Operand,
  record,
  type Scope,
  showValue,
  type Value,
  wrong,
  wrongType,
} from "./value.ts";
import { dimensionIn } from "./views.ts";
import { beyond, deepest, deepestRecord } from "./work.ts";

/** The value of an expression in a scope; problems are noted in the context. */
export function evaluate(context: Context, scope: Scope, expression: Ast.Expression): Value {
  if (!isAffordable(context, expression.span)) return wrong;
  context.work.depth++;
  const value = evaluated(context, scope, expression);
  context.work.depth--;
  return value;
}

/** Counts one more expression; false, and a problem that names the outermost function at work, where that is too much. */
function isAffordable(context: Context, span: Span): boolean {
  const { work, calls } = context;
  const limit = beyond(work);
  if (limit === undefined) return true;
  if (work.isRefused) return false;
  work.isRefused = true;
  const outermost = calls.find(({ name }) => name !== "");
  const most = { evaluations: work.most, depth: deepest }[limit];
  const problem = { span: outermost?.span ?? span, name: outermost?.name, limit, most } as const;
  report({ ...context, calls: [] }, { kind: "too-much-work", ...problem });
  return false;
}

function evaluated(context: Context, scope: Scope, expression: Ast.Expression): Value {
  switch (expression.kind) {
    case "number":
      return finite(context, literal(expression), expression.span);
    case "string":
      return textOf(context, scope, expression);
    case "boolean":
      return { kind: "boolean", value: expression.value };
    case "pattern":
      return { kind: "sparsity", share: null, pattern: { keep: expression.keep, of: expression.of } };
    case "name":
      return nameOf(context, scope, expression);
    case "unary":
      return expression.op === "not"
        ? notOf(context, condition(context, scope, expression.value), expression.span)
        : negative(context, operand(context, scope, expression.value), expression.span);
    case "binary":
      return binaryOf(context, scope, expression);
    case "where":
      return whereOf(context, scope, expression);
    case "call":
      return callOf(context, scope, expression);
    case "index":
      return indexOf(context, scope, expression);
    case "field":
      return memberOf(context, evaluate(context, scope, expression.value), expression.name, expression.span);
    case "record":
      return recordOf(context, scope, expression);
    case "construct": {
      const [format, fields] = [operand(context, scope, expression.format), operand(context, scope, expression.record)];
      return codesOf({ context, scope, span: expression.span }, format, fields, operand);
    }
    case "repeat":
      return repeated({ context, scope, repeat: expression, operand, block: evaluateBlock });
    case "feedback":
      return sweepOf({ context, scope, span: expression.span }, expression, operand);
    case "list":
    case "one-of":
      return report(context, { kind: "not-supported", span: expression.span, ...notYet[expression.kind] });
  }
}

const neverTrue = { expected: "a comparison that can be true", found: "one of two texts that are written here" };

const notYet = {
  list: {
    what: "a list",
    hint: "`stack(pair: a, b)` lays values along a new dimension, `{ low: a, high: b }` gives several",
  },
  "one-of": { what: "`one of`", hint: "give one value; a recipe's parameter tries others" },
} as const;

/** A value and its place; a field of a config that is not known yet is an unknown number. */
export function operand(context: Context, scope: Scope, expression: Ast.Expression): Operand {
  const value = evaluate(context, scope, expression);
  return { value: value.kind === "config" && value.value === null ? unknownNumber : value, span: expression.span };
}

/** As `operand`, where a truth value is asked for. */
export function condition(context: Context, scope: Scope, expression: Ast.Expression): Operand {
  const value = evaluate(context, scope, expression);
  const isOpen = (value.kind === "config" && value.value === null) || isUnknown(value);
  return { value: isOpen ? { kind: "boolean", value: null } : value, span: expression.span };
}

/** Statements in order, then the value of the block. */
export function evaluateBlock(context: Context, scope: Scope, body: Ast.Block | Ast.Expression): Value {
  if (body.kind !== "block") return evaluate(context, scope, body);
  evaluateStatements(context, scope, body);
  if (body.result) return evaluate(context, scope, body.result);
  return report(context, {
    kind: "wrong-type",
    span: body.span,
    expected: "a block that ends in its value",
    found: "one without",
  });
}

/** What names stand for after the statements of a block; what it selects and shows is noted in the trace. */
export function evaluateStatements(context: Context, scope: Scope, { statements }: Ast.Block): void {
  for (const statement of statements) {
    switch (statement.kind) {
      case "let":
      case "probe": {
        const value = evaluate(context, scope, statement.value);
        bindValue(context, scope, statement.name, value);
        if (statement.kind === "probe" && value.kind === "tensor") {
          context.trace.probes.set(statement.name.text, value);
          context.trace.marks++;
        }
        break;
      }
      case "observe": {
        const seen = evaluate({ ...context, observing: statement.name.text }, scope, statement.value);
        bindValue(context, scope, statement.name, keptBy(context, statement, seen));
        break;
      }
      case "select": {
        const [to, by] = [statement.to, statement.by].map((each) => operand(context, scope, each)) as [
          Operand,
          Operand,
        ];
        const given = (one?: Ast.Expression): Operand | null => (one ? operand(context, scope, one) : null);
        const [multiple, leaving] = [given(statement.multiple), given(statement.leaving)];
        noteSelection(context, statement, { to, by, multiple, leaving });
        break;
      }
      case "rotate": {
        noteUse(context, scope, statement.name);
        const turned = findValue(scope, statement.name.text);
        noteRotation(context, statement, turned, operand(context, scope, statement.by));
        break;
      }
      default:
        report(context, { kind: "not-supported", span: statement.span, what: `\`${statement.kind}\` here` });
    }
  }
}

function binaryOf(context: Context, scope: Scope, { op, left, right, span }: Ast.Binary): Value {
  if (op === "??") {
    const found = evaluate(context, scope, left);
    return found.kind === "absent" ? evaluate(context, scope, right) : found;
  }
  const asked = op === "and" || op === "or" ? condition : operand;
  const a = asked(context, scope, left);
  const b = asked(context, beside(scope, a.value), right);
  if (op === "and" || op === "or") return logicOf(context, op, a, b, span);
  if (["==", "!=", "<", "<=", ">", ">="].includes(op)) {
    const found = comparisonOf(context, op, a, b, span);
    const isNever =
      found.kind === "boolean" && found.value === false && left.kind === "string" && right.kind === "string";
    return isNever ? report(context, { kind: "wrong-type", span, ...neverTrue }) : found;
  }
  return arithmeticOf(context, op, a, b, span);
}

/** A condition known at compile time picks its branch, and the other is not built: of what a missing `else` gives, it has the dimensions. */
function whereOf(context: Context, scope: Scope, { value, condition: asked, otherwise, span }: Ast.Where): Value {
  const test = condition(context, scope, asked);
  const isUndecided = test.value.kind === "wrong" || (test.value.kind === "boolean" && test.value.value === null);
  const isOpen = context.isOpen || isUndecided;
  const inside: Context = { ...context, isOpen };
  const other = (at: Scope): Operand => (otherwise ? operand(inside, at, otherwise) : { value: number(0), span });
  if (test.value.kind === "boolean" && test.value.value !== null) {
    if (test.value.value) return evaluate(context, scope, value);
    return otherwise ? other(scope).value : zeros(context, evaluate(unasked(inside), scope, value), span);
  }
  const outer = beside(scope, test.value);
  const taken = operand(inside, outer, value);
  const left = other(beside(outer, taken.value));
  if (test.value.kind === "wrong") return wrong;
  if (test.value.kind === "boolean") return either(taken.value, left.value);
  return selectOf(context, test, taken, left, span);
}

/** For what is evaluated for its dimensions alone: what is wrong with it is nobody's mistake. */
const unasked = (context: Context): Context => ({
  ...context,
  ...{ isOpen: true, found: [], notes: [], trace: newTrace() },
});

/** Either of two values, while a compile-time condition is unknown: codes, if one is. */
function either(a: Value, b: Value): Value {
  if (a.kind === "number" && b.kind === "number") return isCounted(a) && isCounted(b) ? unknownWhole : unknownNumber;
  return a.kind === "coded" || (a.kind === "tensor" && b.kind !== "coded") || b.kind === "wrong" ? a : b;
}

function recordOf(context: Context, scope: Scope, { fields: written, span }: Ast.RecordExpression): Value {
  const fields = new Map<string, Value>();
  let unknown: Value | null = null;
  areDistinct(
    context,
    written.flatMap((field) => (field.kind === "entry" ? [field.name] : [])),
  );
  for (const field of written) {
    if (field.kind === "entry") {
      fields.set(
        field.name.text,
        evaluate(context, scope, field.value ?? { kind: "name", text: field.name.text, span: field.span }),
      );
      continue;
    }
    const spread = evaluate(context, scope, field.value);
    if (spread.kind === "record") for (const [name, value] of spread.fields) fields.set(name, value);
    else unknown = wrongType(context, { value: spread, span: field.span }, "a record");
  }
  if (unknown) return unknown;
  const made = record(fields);
  if (made.depth <= deepestRecord) return made;
  if (!context.work.isRefused)
    report(context, { kind: "too-much-work", span, name: undefined, limit: "records", most: deepestRecord });
  context.work.isRefused = true;
  return wrong;
}

/** Several selections apply in turn. */
function indexOf(context: Context, scope: Scope, { value, selections, span }: Ast.Index): Value {
  const operandAt = operand(context, scope, value);
  let x = operandAt.value;
  let at = scope;
  for (const selection of selections) {
    if (x.kind !== "tensor") return wrongType(context, { value: x, span }, "a tensor");
    at = beside(at, x);
    const dimension = dimensionIn(context, at, x, selection.dim, operandAt.span);
    if (!dimension) return wrong;
    const call: Call = { context, scope: at, span: selection.span };
    if (selection.kind === "pick") x = pick(call, x, dimension, operand(context, at, selection.at));
    else {
      const range = [operand(context, at, selection.from), operand(context, at, selection.to)] as const;
      x = slice(call, x, dimension, range, selection.as);
    }
  }
  return x;
}

function callOf(context: Context, scope: Scope, { callee, arguments: given, span }: Ast.Call): Value {
  if (callee.kind === "name" && !findValue(scope, callee.text))
    return reportUnknown(context, callee, "function", knownNames(scope, "values"));
  const target = evaluate(context, scope, callee);
  if (target.kind === "wrong") return wrong;
  const called = target.kind === "model" ? modelFunction(target) : target;
  if (called.kind !== "callable") {
    const isNamed = callee.kind === "name";
    const hint =
      target.kind === "method"
        ? staged(target.method.name.text)
        : isNamed && isHidden(scope, callee.text)
          ? hides(callee.text)
          : "";
    return report(context, { kind: "wrong-type", span, expected: "a function", found: showValue(target), hint });
  }
  const { parameters, apply } = called.form(given);
  const at = { context, scope, span, of: called.name, form: written[called.name] };
  const bound = bindArguments(at, parameters, given, operand);
  return bound ? apply({ context, scope: bound.scope, span }, bound) : wrong;
}

const staged = (name: string): string =>
  `stages call methods, as in \`stage small = ${name}() of model\`, and chains of them are stages in a row; what methods share is a function`;

const hides = (name: string): string => `\`${name}\` is a value here and hides the function: give it another name`;

/** Whether there is a function of that name, in a scope further out. */
function isHidden(scope: Scope, name: string): boolean {
  for (let at: Scope | null = scope; at; at = at.parent) if (at.values.get(name)?.kind === "callable") return true;
  return false;
}

/** A declared function as a value; it sees the scope of its declaration. */
export const functionValue = (fn: Ast.Fn, declaredIn: Scope): Callable => ({
  kind: "callable",
  name: fn.name.text,
  form: () => ({
    parameters: fn.parameters,
    apply: (call, bound) => applyFunction(call, fn, declaredIn, bound),
  }),
});

/**
 * Checks a body with the arguments at hand: functions have no types of their own beyond what their header says. `isUsers` is
 * false where no call stands in a text.
 */
export function applyFunction(call: Call, fn: Ast.Fn, declaredIn: Scope, bound: Bound, isUsers = true): Value {
  const { context, span } = call;
  if (context.calls.some(({ declaration }) => declaration === fn.span))
    return report(context, { kind: "recursion", span, name: fn.name.text, declared: fn.name.span });
  const inside = scopeIn(declaredIn, foreignTo(bound));
  const header: Header = { call, inside, evaluate: operand, rest: { dims: null } };
  context.calls.push({ span, name: isUsers ? fn.name.text : "", declaration: fn.span });
  try {
    bindParameters(header, fn, bound);
    return matchResult(header, fn, bodyOf(context, fn, inside));
  } finally {
    context.calls.pop();
  }
}

/** The body's value, evaluated once for equal arguments. */
function bodyOf(context: Context, fn: Ast.Fn, inside: Scope): Value {
  return remember(context, keyOf(context, fn, inside), () => evaluateBlock(context, inside, fn.body));
}
