/** Evaluates expressions: each gets a type and, once sizes are known, a graph node. */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { call } from "./call.ts";
import { bindValue, type Context, findDimension, findValue, knownNames, report, type Scope } from "./context.ts";
import { habits } from "./habits.ts";
import { areDistinct, reportUnknown } from "./names.ts";
import { heldRange, isHeld } from "./number.ts";
import { indexOf } from "./selection.ts";
import { arithmeticOf, comparisonOf, emit, finite, logicOf, numeric, type Operand, selectOf, truth } from "./tensor.ts";
import {
  type Config,
  type Dimension,
  fieldAt,
  isCounted,
  isUnknown,
  number,
  record,
  type Sparsity,
  showDimension,
  showValue,
  type Tensor,
  unknownNumber,
  unknownWhole,
  type Value,
  wrong,
} from "./value.ts";
import { isAffordable, isShallow } from "./work.ts";

/** The value of an expression in a scope; problems are noted in the context. */
export function evaluate(context: Context, scope: Scope, expression: Ast.Expression): Value {
  if (!isAffordable(context, expression.span)) return wrong;
  context.work.depth++;
  const value = evaluated(context, scope, expression);
  context.work.depth--;
  return value;
}

function evaluated(context: Context, scope: Scope, expression: Ast.Expression): Value {
  switch (expression.kind) {
    case "number":
      return finite(context, number(expression.value), expression.span);
    case "string":
      return textOf(context, scope, expression);
    case "boolean":
      return { kind: "boolean", value: expression.value };
    case "pattern":
      return { kind: "sparsity", share: null, pattern: { keep: expression.keep, of: expression.of } };
    case "name":
      return nameOf(context, scope, expression);
    case "unary":
      return unaryOf(context, scope, expression);
    case "binary":
      return binaryOf(context, scope, expression);
    case "where":
      return whereOf(context, scope, expression);
    case "call":
      return call(context, scope, expression);
    case "index":
      return indexOf(context, scope, expression);
    case "field":
      return fieldOf(context, scope, expression);
    case "record":
      return recordOf(context, scope, expression);
    case "list":
    case "one-of":
    case "construct":
    case "repeat":
    case "feedback":
      return report(context, { kind: "not-supported", span: expression.span, ...notYet[expression.kind] });
  }
}

/** Texts stand for themselves, also in an architecture: only the paths of `at` take a block's number. */
function textOf(context: Context, scope: Scope, { value, span }: Ast.StringLiteral): Value {
  const isInArch = findValue(scope, "config")?.kind === "config";
  const names = [...value.matchAll(/\{([\w']+)\}/g)].map(([, name = ""]) => name);
  const name = isInArch ? names.find((each) => findValue(scope, each) ?? findDimension(scope, each)) : undefined;
  if (name === undefined) return { kind: "string", value };
  const what = `\`{${name}}\` in a text that is no path after \`at\``;
  const hint = "it would stand there as it is; a block's number is no value yet, and fields of config.json are";
  return report(context, { kind: "not-supported", span, what, hint });
}

const neverTrue = { expected: "a comparison that can be true", found: "one of two texts that are written here" };

const notYet = {
  list: {
    what: "a list",
    hint: "`stack(pair: a, b)` lays values along a new dimension, `{ low: a, high: b }` gives several",
  },
  "one-of": { what: "`one of`", hint: "give one value; a recipe's parameter tries others" },
  construct: { what: "a stored format" },
  repeat: { what: "`repeat`", hint: "write its steps one after another, each with a `let`" },
  feedback: { what: "`feedback`" },
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
  for (const statement of body.statements) {
    if (statement.kind === "let" || statement.kind === "probe")
      bindValue(context, scope, statement.name, evaluate(context, scope, statement.value));
    else if (statement.kind === "observe")
      bindValue(context, scope, statement.name, observeOf(context, scope, statement));
    else report(context, { kind: "not-supported", span: statement.span, what: `\`${statement.kind}\` here` });
  }
  if (body.result) return evaluate(context, scope, body.result);
  return report(context, {
    kind: "wrong-type",
    span: body.span,
    expected: "a block that ends in its value",
    found: "one without",
  });
}

/** Inside `observe`, activations may be read; what is kept has left what streams behind, and in a measure all but that. */
function observeOf(context: Context, scope: Scope, { name, value }: Ast.Observe): Value {
  const seen = evaluate({ ...context, observing: name.text }, scope, value);
  if (seen.kind !== "tensor")
    return seen.kind === "wrong" || seen.kind === "number"
      ? seen
      : report(context, { kind: "wrong-type", span: value.span, expected: "a tensor", found: showValue(seen) });
  const stream = seen.dims.find((dim) => dim.streamed);
  const kept = seen.dims.filter(({ id, streamed }) => (context.apply ? !streamed : streamed || id === "token"));
  if (kept.length > 0)
    return report(context, {
      kind: "observation-keeps",
      span: value.span,
      name: name.text,
      dims: kept.map((dim) => dim.name),
    });
  if (!stream?.streamed) return seen;
  return collected(context, seen, stream, value.span);
}

/** In a measure, one value per sample may be kept: outside, it carries `sample`. */
function collected(context: Context, seen: Tensor, stream: Dimension, span: Span): Value {
  const { streamed, ...kept } = stream;
  if (!streamed || !context.observer)
    return report(context, { kind: "not-supported", span, what: "an observation of each sample here" });
  const node = context.observer.collect(seen.node, streamed);
  return { ...seen, dims: seen.dims.map((dim) => (dim.streamed ? kept : dim)), node };
}

function nameOf(context: Context, scope: Scope, { text, span }: Ast.NameExpression): Value {
  const found = findValue(scope, text);
  if (!found) {
    const dimension = findDimension(scope, text);
    if (dimension)
      return report(context, {
        kind: "wrong-type",
        span,
        expected: "a value",
        found: `the dimension ${showDimension(dimension)}`,
        hint: `write \`size(${text})\` or \`index(${text})\``,
      });
    return reportUnknown(context, { text, span }, "value", knownNames(scope, "values"));
  }
  const streams = found.kind === "tensor" && found.dims.some(({ streamed }) => streamed);
  if (streams && context.observing === null && context.apply === null)
    return report(context, { kind: "activation-outside-observe", span, name: text });
  return found;
}

function unaryOf(context: Context, scope: Scope, { op, value, span }: Ast.Unary): Value {
  const x = op === "not" ? condition(context, scope, value) : operand(context, scope, value);
  if (op === "not") {
    if (!truth(context, x)) return wrong;
    if (x.value.kind === "boolean") return { kind: "boolean", value: x.value.value === null ? null : !x.value.value };
    return x.value.kind === "tensor" ? { ...x.value, node: emit(context, "not", [x.value.node], {}, span) } : wrong;
  }
  if (!numeric(context, x)) return wrong;
  if (x.value.kind === "tensor") return { ...x.value, node: emit(context, "neg", [x.value.node], {}, span) };
  return arithmeticOf(context, "-", { value: number(0), span }, x, span);
}

function binaryOf(context: Context, scope: Scope, { op, left, right, span }: Ast.Binary): Value {
  if (op === "??") {
    const found = evaluate(context, scope, left);
    return found.kind === "absent" ? evaluate(context, scope, right) : found;
  }
  if (op === "and" || op === "or")
    return logicOf(context, op, condition(context, scope, left), condition(context, scope, right), span);
  const [a, b] = [operand(context, scope, left), operand(context, scope, right)];
  if (["==", "!=", "<", "<=", ">", ">="].includes(op)) {
    const found = comparisonOf(context, op, a, b, span);
    const isNever =
      found.kind === "boolean" && found.value === false && left.kind === "string" && right.kind === "string";
    return isNever ? report(context, { kind: "wrong-type", span, ...neverTrue }) : found;
  }
  return arithmeticOf(context, op, a, b, span);
}

/** A condition known at compile time picks its branch; the other is not built. */
function whereOf(context: Context, scope: Scope, { value, condition: asked, otherwise, span }: Ast.Where): Value {
  const test = condition(context, scope, asked);
  if (test.value.kind === "wrong") return wrong;
  const isOpen = context.isOpen || (test.value.kind === "boolean" && test.value.value === null);
  const inside: Context = { ...context, isOpen };
  const other = (): Operand => (otherwise ? operand(inside, scope, otherwise) : { value: number(0), span });
  if (test.value.kind === "boolean" && test.value.value !== null)
    return test.value.value ? evaluate(context, scope, value) : other().value;
  const taken = operand(inside, scope, value);
  const left = other();
  if (test.value.kind === "boolean") return either(taken.value, left.value);
  return selectOf(context, test, taken, left, span);
}

/** Either of two values, while a compile-time condition is unknown. */
function either(a: Value, b: Value): Value {
  if (a.kind === "number" && b.kind === "number") return isCounted(a) && isCounted(b) ? unknownWhole : unknownNumber;
  return a.kind === "tensor" || b.kind === "wrong" ? a : b;
}

function recordOf(context: Context, scope: Scope, { fields: written, span }: Ast.RecordExpression): Value {
  const fields = new Map<string, Value>();
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
    else if (spread.kind !== "wrong")
      report(context, { kind: "wrong-type", span: field.span, expected: "a record", found: showValue(spread) });
  }
  const made = record(fields);
  return isShallow(context, made, span) ? made : wrong;
}

function fieldOf(context: Context, scope: Scope, { value, name, span }: Ast.Field): Value {
  const of = evaluate(context, scope, value);
  switch (of.kind) {
    case "wrong":
      return of;
    case "record":
      return of.fields.get(name.text) ?? unknownField(context, name, "field", [...of.fields.keys()]);
    case "config":
      return configField(context, of, name);
    case "absent":
      return { kind: "absent", name: `${of.name}.${name.text}` };
    case "number":
      return isUnknown(of)
        ? unknownNumber
        : report(context, { kind: "wrong-type", span, expected: "something with fields", found: showValue(of) });
    case "sparsity":
      return sparsityField(context, of, name);
    case "corpus":
      return corpusField(context, of, name);
    case "model":
      return of.sizes.get(name.text) ?? unknownSize(context, name, [...of.sizes.keys()]);
    default: {
      const hint = of.kind === "tensor" ? (habits.get(name.text) ?? functionsOf) : "";
      return report(context, {
        kind: "wrong-type",
        span,
        expected: "something with fields",
        found: showValue(of),
        hint,
      });
    }
  }
}

const functionsOf = "functions stand before a tensor: `abs(x)`, `sum(x, over d)`, `size(d)`";

function corpusField(context: Context, of: Extract<Value, { kind: "corpus" }>, name: Ast.Name): Value {
  if (name.text === "train" || name.text === "validation" || name.text === "test") return { ...of, split: name.text };
  return unknownField(context, name, "part of a text", ["train", "validation", "test", "sample", "windows"]);
}

const unknownField = (context: Context, { text, span }: Ast.Name, what: string, names: readonly string[]) =>
  report(context, { kind: "unknown-name", span, name: text, what, known: names });

const unknownSize = (context: Context, { text, span }: Ast.Name, known: readonly string[]) =>
  report(context, {
    kind: "unknown-name",
    span,
    name: text,
    what: "dimension of this model",
    known,
    hint: `its \`arch\` declares ${known.map((dim) => `\`${dim}\``).join(", ")}`,
  });

/** A field of config.json; while no model is bound it is a number of its own name. */
function configField(context: Context, { value, path }: Config, { text: name, span }: Ast.Name): Value {
  const place = `${path}.${name}`;
  if (value === null) return { kind: "config", path: place, value: null };
  const found = Object.hasOwn(value, name) ? value[name] : undefined;
  if (found === undefined) return { kind: "absent", name: place };
  if (found === null || isEmpty(found)) return { kind: "absent", name: place, isNull: true };
  const field = fieldAt(place);
  if (typeof found === "number") {
    if (isHeld(found)) return number(found);
    return report(context, { kind: "config-value", span, field, dim: name, found: String(found), expected: heldRange });
  }
  if (typeof found === "string") return { kind: "string", value: found, field };
  if (typeof found === "boolean") return { kind: "boolean", value: found, field };
  if (Array.isArray(found)) return { kind: "config", path: place, value: {}, isList: true };
  return { kind: "config", path: place, value: found as { readonly [key: string]: unknown } };
}

/** A list or an object without entries says as little as null does. */
const isEmpty = (found: unknown): boolean => typeof found === "object" && Object.keys(found ?? {}).length === 0;

function sparsityField(context: Context, of: Sparsity, name: Ast.Name): Value {
  if (name.text === "share") return of.share ?? (of.pattern ? { kind: "absent", name: "share" } : unknownNumber);
  if (name.text === "pattern")
    return of.pattern ? number(of.pattern.of) : of.share === null ? unknownNumber : { kind: "absent", name: "pattern" };
  return unknownField(context, name, "property of a sparsity", ["share", "pattern", "cell", "keep"]);
}

/** The tensor's dimension of that name, or a problem. */
export function dimensionIn(context: Context, scope: Scope, x: Tensor, name: Ast.Name, at: Span): Dimension | null {
  const meant = findDimension(scope, name.text);
  const found = x.dims.find(({ id }) => id === meant?.id);
  if (found) return found;
  report(context, {
    kind: "absent-dimension",
    span: name.span,
    name: name.text,
    type: showValue(x),
    value: at,
    known: x.dims.map((dim) => dim.name),
  });
  return null;
}

/** A whole number known at compile time (or unknown while sizes are symbolic), or a problem. */
export function compileTimeNumber(
  context: Context,
  { value, span }: Operand,
): Extract<Value, { kind: "number" }> | null {
  if (value.kind === "number") return value;
  if (value.kind !== "wrong") {
    const [expected, found] = ["a number known before the run", showValue(value)];
    const hint =
      value.kind === "sparsity"
        ? "a range is written `0 .. 4`; `sparsity.keep(d)` is how many of a cell along `d` stay"
        : "";
    if (value.kind === "absent") report(context, { kind: "config-missing", span, field: value.name, known: [] });
    else report(context, { kind: "wrong-type", span, expected, found, hint });
  }
  return null;
}
