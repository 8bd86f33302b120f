/** Declared types: what each asks of a value. */
import type * as Ast from "../../grammar/ast.ts";
import { textAt } from "../../grammar/source.ts";
import { typeHabits } from "../problems/habits.ts";
import { type Context, report } from "./context.ts";
import { heldRange, isHeld, ofSize, unknownNumber, unknownWhole } from "./number.ts";
import { atom } from "./size.ts";
import type { Tensor } from "./tensor.ts";
import { isUnknown, type Value, wrong } from "./value.ts";

const elements: readonly string[] = ["f32", "i32", "bool"] satisfies Tensor["dtype"][];

/** A type of tensors, of which `f32` by itself is one without dimensions; null for any other. */
export const tensorTypeOf = (type: Ast.TypeExpression): Ast.TensorTypeExpression | null =>
  type.kind === "tensor-type"
    ? type
    : elements.includes(type.name.text)
      ? { kind: "tensor-type", element: type.name, arguments: type.arguments, dims: [], span: type.span }
      : null;

/** The dimensions that a type names. */
export const namesIn = ({ dims }: Ast.TensorTypeExpression): readonly Ast.Name[] =>
  dims.flatMap((dim) => (dim.kind === "dim-name" ? [dim.name] : []));

/** The type of a header's elements; null, and a problem, for one that no tensor of a program has. */
export function elementTypeOf(
  context: Context,
  { element, arguments: given }: Ast.TensorTypeExpression,
): Tensor["dtype"] | null {
  if (given.length === 0 && (element.text === "f32" || element.text === "i32" || element.text === "bool"))
    return element.text;
  report(context, {
    kind: "not-supported",
    span: element.span,
    what: `the element type \`${element.text}\``,
    hint: "f32, i32 and bool are",
  });
  return null;
}

type Check = (value: Value) => Value | string;

const plain: ReadonlyMap<string, Check> = new Map(
  Object.entries<Check>({
    Int: wholeFrom,
    Bytes: (value) =>
      isUnknown(value)
        ? unknownNumber
        : value.kind === "number" && (value.real === null || (Number.isInteger(value.real) && value.real > 0))
          ? value
          : "a size such as 4 GiB",
    Float: (value) =>
      value.kind !== "number" ? "a number" : value.real === null || isHeld(value.real) ? value : heldRange,
    Fraction: (value) =>
      value.kind === "number" && (value.real === null || (value.real >= 0 && value.real <= 1))
        ? value
        : "a share between 0% and 100%",
    Amount: (value) =>
      value.kind === "number" && (value.real === null || value.real >= 0) ? value : "a count, or a share such as 25%",
    Sparsity: (value) => sparsityFrom(value) ?? "a share below 100%, such as 50%, or a pattern such as 2:4",
    Format: (value) => (value.kind === "format" ? value : "a format, such as Affine(4, 128)"),
    Bool: (value) => (value.kind === "boolean" ? value : "true or false"),
    Text: (value) =>
      value.kind === "string" ? value : isUnknown(value) ? { kind: "string", value: null } : "a text in quotes",
    Config: (value) => (isConfig(value) ? value : "an object of config.json"),
    Model: (value) => (value.kind === "model" ? value : "a model"),
    Corpus: (value) => (value.kind === "corpus" ? value : "a text"),
    Task: (value) => (value.kind === "task" ? value : "a task"),
    Sample: (value) =>
      value.kind === "windows" ? value : "windows of text, such as text.train.sample(128, length: 2048, seed: 0)",
  }),
);

/** One that is missing has no fields; what is not known yet is a number. */
const isConfig = (value: Value): boolean =>
  (value.kind === "config" && !value.items) || value.kind === "absent" || isUnknown(value);

function wholeFrom(value: Value): Value | string {
  if (isUnknown(value)) return unknownWhole;
  if (value.kind !== "number" || (value.real !== null && !Number.isInteger(value.real))) return "a whole number";
  return Math.abs(value.real ?? 0) < 2 ** 31 ? value : "a whole number below 2^31 (i32)";
}

/** A share to remove below 100 %, or `n:m` with n of every m staying. */
function sparsityFrom(value: Value): Value | null {
  if (value.kind === "sparsity")
    return value.pattern && (value.pattern.keep < 1 || value.pattern.keep > value.pattern.of) ? null : value;
  if (value.kind !== "number" || (value.real !== null && (value.real < 0 || value.real >= 1))) return null;
  return { kind: "sparsity", share: value.real === null ? null : value, pattern: null };
}

/** What a value of another type was probably meant to be. */
export function meantBy(type: string, value: Value): string | undefined {
  if (value.kind === "string" && value.value !== null && /^(?:[\d.]+%?|\d+:\d+|true|false)$/.test(value.value))
    return value.value;
  const real = value.kind === "number" ? value.real : null;
  if (real === null) return undefined;
  if (type === "Bool" && (real === 0 || real === 1)) return String(real === 1);
  const isShare = type === "Sparsity" ? real >= 1 && real < 100 : type === "Fraction" && real > 1 && real <= 100;
  return isShare ? `${real}%` : undefined;
}

/** What a plain type asks of a value; null, and a problem, if there is no such type. */
export function checkOf(context: Context, type: Ast.PlainTypeExpression): Check | null {
  const check = plain.get(type.name.text);
  if (check && type.arguments.length === (type.name.text === "Amount" ? 1 : 0)) return check;
  const known = [...plain.keys(), ...elements];
  const hint =
    typeHabits.get(type.name.text) ??
    `there are ${[...plain.keys()].join(", ")}, and tensors such as \`f32[token, model]\``;
  if (check)
    report(context, { kind: "not-supported", span: type.span, what: `the type \`${textAt(type.span)}\``, hint });
  else report(context, { kind: "unknown-name", span: type.name.span, name: type.name.text, what: "type", known, hint });
  return null;
}

/** What a parameter may be while nothing is known of it; a whole number is a size of its name. What has another type is wrong. */
export function unknownOf({ name, type }: Ast.Parameter): Value {
  switch (type?.kind === "plain-type" ? type.name.text : "") {
    case "Sparsity":
      return { kind: "sparsity", share: null, pattern: null };
    case "Bool":
      return { kind: "boolean", value: null };
    case "Text":
      return { kind: "string", value: null };
    case "Int":
      return ofSize(atom(name.text));
    case "Bytes":
    case "Float":
    case "Fraction":
    case "Amount":
    case "":
      return unknownNumber;
    default:
      return wrong;
  }
}
