/** What a recipe reports and expects: numbers, numbers along a dimension, and records of these. */
import type * as Ast from "../../grammar/ast.ts";
import { textAt } from "../../grammar/source.ts";
import { coneOf } from "../graph/cone.ts";
import type { Node } from "../graph/ops.ts";
import { type Context, report } from "../language/context.ts";
import { evaluate } from "../language/evaluate.ts";
import { showValue, type Value } from "../language/value.ts";
import { areKept, notePattern, statesOf } from "./check-effects.ts";
import type { Checking } from "./checking.ts";
import type { Measure } from "./typed.ts";

/** What is reported of an expression: of a record each field, under the record's text and the field's name, or that alone where the record is written out. */
export function reported(at: Checking, expression: Ast.Expression): readonly Measure[] {
  const { context, scope } = at;
  const { span } = expression;
  const value = evaluate(context, scope, expression);
  const of = measureOf(at, expression, value);
  const isWritten = expression.kind === "record";
  const measures = leavesOf(value).map(({ path, value: each }): Measure => {
    const field = path.join(".");
    const text = path.length === 0 ? textAt(span) : isWritten ? field : `${textAt(span)}.${field}`;
    const found = numbersIn(context, each, span);
    if (found === undefined) refuse(at, span, { path, value: each });
    const named = of && { ...of, measure: [of.measure, ...path].join(".") };
    return { kind: "report", text, of: named, value: found ?? null, span };
  });
  for (const each of measures) refuseSecond(at, each);
  return measures;
}

/** A field of a record, or of a record in it; or what is no record. */
interface Leaf {
  readonly path: readonly string[];
  readonly value: Value;
}

const leavesOf = (value: Value, path: readonly string[] = []): readonly Leaf[] =>
  value.kind === "record"
    ? [...value.fields].flatMap(([name, field]) => leavesOf(field, [...path, name]))
    : [{ path, value }];

/** A number that is known, or the node of numbers, along one dimension at most; null while it is open, undefined of all else. */
function numbersIn({ maker }: Context, value: Value, span: Ast.Expression["span"]): Measure["value"] | undefined {
  if (value.kind === "number") return value.real;
  if (value.kind === "wrong") return null;
  if (value.kind !== "tensor" || value.dims.length > 1 || value.dtype === "bool") return undefined;
  return maker.make("cast", [value.node], { dtype: "f32" }, span);
}

function refuse({ context }: Checking, span: Ast.Expression["span"], { path, value }: Leaf): void {
  const expected = "a number, numbers along one dimension, or a record of these";
  const found = path.length === 0 ? showValue(value) : `${showValue(value)} in \`${path.join(".")}\``;
  report(context, { kind: "wrong-type", span, expected, found });
}

/** A report has a number for each text: what two records call the same would hide one of them. */
function refuseSecond({ context, measures }: Checking, { text, value, span }: Measure): void {
  const first = measures.find((each) => each.kind === "report" && each.text === text);
  if (first && value !== null && first.value !== null && !Object.is(first.value, value))
    report(context, { kind: "reported-twice", span, name: text, first: first.span });
}

/** What is expected, and the numbers that it compares. What is expected of zeros that a stage makes, no stage behind it may lose. */
export function expected(at: Checking, condition: Ast.Expression): readonly Measure[] {
  const value = comparison(at, condition);
  const measure = { kind: "expect", text: textAt(condition.span), of: null, value, span: condition.span } as const;
  const read = typeof value === "object" && value ? coneOf([value]) : [];
  const counted = read.flatMap((node) => (node.op === "input" ? (at.counts.get(node.attrs.name) ?? []) : []));
  for (const each of counted) {
    const states = statesOf(at, each.model);
    if (areKept(at, states, condition.span, each)) notePattern(at.context, each, states, condition.span);
  }
  return [measure, ...(read.length > 0 ? sidesOf(at, condition) : [])];
}

/** What a comparison compares, but for what is written as a number; its place is that of the comparison. */
function sidesOf({ context, scope }: Checking, condition: Ast.Expression): readonly Measure[] {
  if (condition.kind !== "binary") return [];
  const { span } = condition;
  return [condition.left, condition.right].flatMap((side): readonly Measure[] => {
    const value = side.kind === "number" ? undefined : numbersIn(context, evaluate(context, scope, side), side.span);
    return value === undefined ? [] : [{ kind: "side", text: textAt(side.span), of: null, value, span }];
  });
}

function comparison(at: Checking, condition: Ast.Expression): Measure["value"] {
  const { context, scope } = at;
  const value = evaluate(context, scope, condition);
  const { span } = condition;
  if (value.kind === "boolean") {
    if (value.value === false) report(context, { kind: "never-holds", span, compared: compared(at, condition) });
    return value.value === null ? null : Number(value.value);
  }
  if (value.kind === "tensor" && value.dims.length === 0 && value.dtype === "bool")
    return context.maker.make("cast", [value.node], { dtype: "f32" }, span);
  if (value.kind !== "wrong")
    report(context, { kind: "wrong-type", span, expected: "a comparison of numbers", found: showValue(value) });
  return null;
}

/** Both sides of a comparison: `1835008 < 917504`. */
function compared({ context, scope }: Checking, condition: Ast.Expression): string {
  if (condition.kind !== "binary") return "";
  const [left, right] = [condition.left, condition.right].map((side) => showValue(evaluate(context, scope, side)));
  return `${left} ${condition.op} ${right}`;
}

/** `perplexity(small, text.test)` is the measure `perplexity` of `small`; `distance(model, small)` is that of neither. */
function measureOf({ context, scope }: Checking, expression: Ast.Expression, value: Value): Measure["of"] {
  if (expression.kind !== "call" || expression.callee.kind !== "name") return null;
  const [first] = expression.arguments;
  const model = first?.kind === "value" && first.value.kind === "name" ? evaluate(context, scope, first.value) : null;
  if (model?.kind !== "model") return null;
  const read = leavesOf(value).flatMap((leaf) =>
    leaf.value.kind === "tensor" ? modelsRead(context, leaf.value.node) : [],
  );
  return read.every((name) => name === model.name) ? { measure: expression.callee.text, model: model.name } : null;
}

/** The models whose evaluations a value is made of. */
const modelsRead = ({ trace }: Context, value: Node): readonly string[] => {
  const states = new Set(coneOf([value]).flatMap((node) => (node.op === "input" ? [node.attrs.name] : [])));
  return trace.observations.filter(({ slot }) => states.has(slot)).flatMap(({ models }) => models);
};
