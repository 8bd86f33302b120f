/** `repeat`: a record that is made anew so many times, each of the one before. Rounds are written out: a graph has no loops. */
import type * as Ast from "../../grammar/ast.ts";
import type { Node } from "../graph/ops.ts";
import { align } from "./align.ts";
import { type Context, report } from "./context.ts";
import { identityOf } from "./identity.ts";
import { aligned, arithmeticOf, comparisonOf, logicOf, selectOf, withDims } from "./operations.ts";
import { beside, declareValue, scopeIn } from "./scope.ts";
import type { Tensor } from "./tensor.ts";
import {
  type Coded,
  type Operand,
  type RecordValue,
  record,
  type Scope,
  showValue,
  type Value,
  wrong,
  wrongType,
} from "./value.ts";

/** A loop, and what is handed over by the recursion. */
export interface Loop {
  readonly context: Context;
  readonly scope: Scope;
  readonly repeat: Ast.Repeat;
  readonly operand: (context: Context, scope: Scope, expression: Ast.Expression) => Operand;
  readonly block: (context: Context, scope: Scope, body: Ast.Block) => Value;
}

/** The record of the last round, or what `keeping least` keeps of all, the start among them. */
export function repeated(loop: Loop): Value {
  const { context, scope, repeat, operand } = loop;
  const [times, start] = [operand(context, scope, repeat.times), operand(context, scope, repeat.from)];
  if (start.value.kind !== "record") return wrongType(context, start, "a record");
  const rounds = roundsOf(context, times);
  return rounds === null || !isPure(loop) ? wrong : lastOf(loop, start.value, rounds);
}

/** While it is not known how many rounds there are, there is one, which may never be asked for. */
function lastOf(loop: Loop, start: RecordValue, rounds: number | undefined): Value {
  const inside: Loop = rounds === undefined ? { ...loop, context: { ...loop.context, isOpen: true } } : loop;
  let state = start;
  let best = errorOf(inside, start);
  let kept: Value = start;
  for (let round = 0; round < (rounds ?? 1) && !loop.context.work.isRefused; round++) {
    const next = inside.block(inside.context, scopeOf(inside, state), loop.repeat.body);
    if (!isAlike(inside, state, next)) return wrong;
    state = next;
    const error = errorOf(inside, state);
    if (!error || !best) continue;
    kept = chosen(inside, { error, isBetter: isBetter(inside, error, best) }, state, kept);
    best = { ...error, value: arithmeticOf(inside.context, "min", error, best, error.span) };
  }
  return best ? kept : state;
}

/** Undefined while it is not known; null, and a problem, for what is no such number. */
function roundsOf(context: Context, { value, span }: Operand): number | undefined | null {
  if (value.kind !== "number") {
    wrongType(context, { value, span }, "a number that is known before the run");
    return null;
  }
  if (value.real === null) return undefined;
  if (Number.isInteger(value.real) && value.real >= 0) return value.real;
  const [what, range] = ["how many rounds there are", "a whole number from 0"];
  report(context, { kind: "out-of-range", span, what, value: String(value.real), range });
  return null;
}

/** Complains of all but values in a round: what is observed, selected or shown is so once. */
function isPure({ context, repeat: { body } }: Loop): boolean {
  const other = body.statements.find(({ kind }) => kind !== "let");
  if (other) report(context, { kind: "not-supported", span: other.span, what: `\`${other.kind}\` in \`repeat\`` });
  return !other;
}

/** Where the fields of a record are names. */
function scopeOf({ scope, repeat: { from } }: Loop, state: RecordValue): Scope {
  const inside = scopeIn(beside(scope, state));
  for (const [text, value] of state.fields) declareValue(inside, { text, span: from.span }, value);
  return inside;
}

const errorOf = (loop: Loop, state: RecordValue): Operand | null =>
  loop.repeat.least ? loop.operand(loop.context, scopeOf(loop, state), loop.repeat.least) : null;

/** Complains unless a round gives the fields that it was given, each of its type. */
function isAlike({ context, repeat: { body } }: Loop, before: RecordValue, after: Value): after is RecordValue {
  const different = differenceOf(before, after, "");
  const span = body.result?.span ?? body.span;
  const isBegun = different?.before.kind !== "number" || different.found.kind !== "tensor";
  const hint = isBegun
    ? "a round gives the record that the next one begins with: the same fields, each of the type that it had"
    : "begin with what has the dimensions that it will have: of a tensor x, 0 is `0 * x`";
  if (different) wrongType(context, { value: different.found, span }, different.expected, hint);
  return different === null && after.kind === "record";
}

interface Difference {
  readonly before: Value;
  readonly expected: string;
  readonly found: Value;
}

/** The first value of another type than before. */
function differenceOf(before: Value, after: Value, path: string): Difference | null {
  if (before.kind === "wrong") return null;
  const different = { before, expected: `${showValue(before)}${path && ` as \`${path}\``}`, found: after };
  if (before.kind !== "record" || after.kind !== "record") return isOfType(before, after) ? null : different;
  const names = new Set([...before.fields.keys(), ...after.fields.keys()]);
  if (names.size > Math.min(before.fields.size, after.fields.size)) return different;
  const inside = [...names].map((name) =>
    differenceOf(before.fields.get(name) ?? wrong, after.fields.get(name) ?? wrong, path ? `${path}.${name}` : name),
  );
  return inside.find((each) => each !== null) ?? null;
}

function isOfType(before: Value, after: Value): boolean {
  if (before.kind === "coded" && after.kind === "coded") return identityOf(before.format) === identityOf(after.format);
  if (before.kind !== "tensor" || after.kind !== "tensor") return before.kind === after.kind;
  const isOwn = ({ id }: { readonly id: string }): boolean => before.dims.some((dim) => dim.id === id);
  return before.dtype === after.dtype && before.dims.length === after.dims.length && after.dims.every(isOwn);
}

/** Where one error is less than another; NaN is less than none, and all else is less than NaN. */
function isBetter({ context }: Loop, error: Operand, best: Operand): Operand {
  const { span } = error;
  const isLess = { value: comparisonOf(context, "<", error, best, span), span };
  const isNone = { value: comparisonOf(context, "!=", best, best, span), span };
  return { value: logicOf(context, "or", isLess, isNone, span), span };
}

/** A new error, and where it is better. */
interface Choice {
  readonly error: Operand;
  readonly isBetter: Operand;
}

/** Of codes in one format each of what is stored, of what that is made, and the weight that it stands for. */
function codesChosen(loop: Loop, choice: Choice, value: Coded, otherwise: Coded): Value {
  const span = loop.repeat.body.result?.span ?? loop.repeat.body.span;
  const pick = (a: Tensor, b: Tensor): Value => {
    // Those that codes have are their own, whatever they were made of.
    const dims = b.dims.map((own) => a.dims.find(({ name }) => name === own.name) ?? own);
    return chosen(loop, choice, a, withDims(loop.context, b, dims, span));
  };
  const fields = new Map<string, Tensor>();
  const operands = new Map<string, Node>();
  for (const [name, stored] of value.fields) {
    const other = otherwise.fields.get(name);
    const [a, b] = [value.operands.get(name), otherwise.operands.get(name)];
    const field = other ? pick(stored, other) : wrong;
    const operand = a && b && other ? pick(madeOf(stored, a), madeOf(other, b)) : wrong;
    if (field.kind !== "tensor" || operand.kind !== "tensor") return wrong;
    // A choice of what is stored in a type has none of its own.
    const { dtype } = stored.node.type;
    fields.set(name, { ...field, node: loop.context.maker.make("cast", [field.node], { dtype }, span) });
    operands.set(name, operand.node);
  }
  const weight = pick(value.value, otherwise.value);
  return weight.kind === "tensor" ? { ...value, fields, operands, value: weight } : wrong;
}

/** What a field is made of has its dimensions. */
const madeOf = (stored: Tensor, node: Node): Tensor => ({
  ...stored,
  dtype: node.type.dtype === "f32" ? "f32" : "i32",
  node,
});

/** Field by field the value where it is better, and otherwise the other. */
function chosen(loop: Loop, choice: Choice, value: Value, otherwise: Value): Value {
  const { context, repeat } = loop;
  const { error, isBetter } = choice;
  const span = repeat.body.result?.span ?? repeat.body.span;
  if ([value, otherwise, isBetter.value].some(({ kind }) => kind === "wrong")) return wrong;
  if (isBetter.value.kind === "boolean") return isBetter.value.value ? value : otherwise;
  if (value.kind === "record" && otherwise.kind === "record") {
    const other = otherwise.fields;
    const fields = [...value.fields].map(
      ([name, field]) => [name, chosen(loop, choice, field, other.get(name) ?? wrong)] as const,
    );
    return record(new Map(fields));
  }
  if (value.kind === "coded" && otherwise.kind === "coded") return codesChosen(loop, choice, value, otherwise);
  if (!aligned(context, align("keeping least", { value, span }, error, false))) return wrong;
  return selectOf(context, isBetter, { value, span }, { value: otherwise, span }, span);
}
