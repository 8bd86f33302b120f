/** What an expression stands for while a program is checked: a tensor with named dimensions, or something known at compile time. */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { Node } from "../graph/ops.ts";
import type { Split } from "../plan/plan.ts";
import type { Context, Scope } from "./context.ts";
import { fixed, known, rational, type Size, showSize, times } from "./size.ts";

/** A dimension: two are the same when their `id` is. */
export interface Dimension {
  /** Unique among the dimensions that can meet: the name, and a mark where a function's own name met the caller's. */
  readonly id: string;
  readonly name: string;
  readonly size: Size;
  /** Where it got its size: `config`, `selected in stage narrow, line 14` … */
  readonly source: string;
  /** Where that is written. */
  readonly span?: Span;
  /** `sample`: kernels see one sample at a time, so graph nodes lack it; only a reduction inside `observe` removes it. */
  readonly streamed?: Stream;
}

/** What a streamed dimension runs over. */
export interface Stream {
  readonly model: ModelValue | null;
  readonly windows: Windows;
}

export interface Tensor {
  readonly kind: "tensor";
  readonly dtype: "f32" | "i32" | "bool";
  readonly dims: readonly Dimension[];
  readonly node: Node;
}

/**
 * A number known at compile time; `real` where its value is known, `size` where it can be counted: a fraction, or a whole number
 * of named sizes. One whose value is known without a size is real, even if it has no decimals. One of which nothing is known
 * yet may be known to be whole.
 */
export interface Num {
  readonly kind: "number";
  readonly real: number | null;
  readonly size: Size | null;
  readonly isWhole?: true;
}

export interface Bool {
  readonly kind: "boolean";
  readonly value: boolean | null;
  /** The field of config.json that says it, if one does. */
  readonly field?: string;
}

export interface Text {
  readonly kind: "string";
  readonly value: string | null;
  /** The field of config.json that says it, if one does. */
  readonly field?: string;
}

/** A share to remove, or a cell and how many of it stay; null while unknown. */
export interface Sparsity {
  readonly kind: "sparsity";
  readonly share: Num | null;
  readonly pattern: { readonly keep: number; readonly of: number } | null;
}

export interface RecordValue {
  readonly kind: "record";
  readonly fields: ReadonlyMap<string, Value>;
  /** How deep records are nested in it. */
  readonly depth: number;
}

/** A value of config.json that is missing or null: only `??` and `missing` may read it. */
export interface Absent {
  readonly kind: "absent";
  readonly name: string;
  /** It is there, and null. */
  readonly isNull?: true;
}

/** config.json or an object in it; null while no model is bound. */
export interface Config {
  readonly kind: "config";
  readonly path: string;
  /** It is a list, of which nothing can be read. */
  readonly isList?: true;
  readonly value: { readonly [key: string]: unknown } | null;
}

export interface Dims {
  readonly kind: "dims";
  readonly dims: readonly Dimension[];
}

/** A model as a recipe sees it: the one given, or what a stage makes. */
export interface ModelValue {
  readonly kind: "model";
  /** The parameter's or the stage's name. */
  readonly name: string;
  /** The dimensions of its architecture outside the blocks, as `model.context` reads them. */
  readonly sizes: ReadonlyMap<string, Num>;
}

/** A text, whole (`split` null) or one of its splits. */
export interface Corpus {
  readonly kind: "corpus";
  readonly name: string;
  readonly split: Split | null;
}

/** Windows of one length: all that fit, without overlap, or `count` drawn with a seed. */
export interface Windows {
  readonly kind: "windows";
  readonly corpus: string;
  readonly split: Split;
  readonly length: number;
  readonly draw: { readonly count: number; readonly seed: number } | null;
}

/** Something that can be called: a declared function with the scope it was declared in, or a builtin. */
export interface Callable {
  readonly kind: "callable";
  readonly name: string;
  readonly call: (context: Context, scope: Scope, call: Ast.Call) => Value;
}

export interface MethodValue {
  readonly kind: "method";
  readonly method: Ast.Method;
  /** Of the module that declares it. */
  readonly scope: Scope;
}

/** Stands for what an error was reported about; agrees with everything, so that one mistake gives one message. */
export interface Wrong {
  readonly kind: "wrong";
}

export type Value =
  | Tensor
  | Num
  | Bool
  | Text
  | Sparsity
  | RecordValue
  | Absent
  | Config
  | Dims
  | ModelValue
  | Corpus
  | Windows
  | Callable
  | MethodValue
  | Wrong;

export const wrong: Wrong = { kind: "wrong" };
export const number = (real: number): Num => ({ kind: "number", real, size: rational(real) });
export function record(fields: ReadonlyMap<string, Value>): RecordValue {
  const depths = [...fields.values()].map((field) => (field.kind === "record" ? field.depth : 0));
  return { kind: "record", fields, depth: 1 + Math.max(0, ...depths) };
}
export const ofSize = (size: Size): Num => ({ kind: "number", real: known(size) ?? null, size });
export const unknownNumber: Num = { kind: "number", real: null, size: null };
export const unknownWhole: Num = { ...unknownNumber, isWhole: true };

/** Whether nothing is known of a value: a number, or whatever a field of the config is while no model is bound. */
export const isUnknown = (value: Value): boolean =>
  value.kind === "number" && value.real === null && value.size === null;

/** Whether a number is whole, as far as is known: one that cannot be counted is real. */
export const isCounted = ({ real, size, isWhole }: Num): boolean =>
  isWhole === true || (size !== null && (real === null || Number.isInteger(real)));

/** The field that a path from `config` on leads to. */
export const fieldAt = (path: string): string => path.replace(/^config\./, "");

/** The field of config.json that is the value, as far as that is known. */
export function sourceOf(value: Value): string | undefined {
  if (value.kind === "string" || value.kind === "boolean") return value.field;
  return value.kind === "config" ? fieldAt(value.path) : undefined;
}

/** `f32[out, in]`, `2:4`, `config.hidden_size / 4`: how a message or `--emit types` writes a value's type. */
export function showValue(value: Value): string {
  const field = sourceOf(value);
  return field === undefined ? showPlain(value) : `${showPlain(value)} (\`${field}\` in config.json)`;
}

/** The same without the field of config.json that says it. */
export function showPlain(value: Value): string {
  switch (value.kind) {
    case "tensor":
      return value.dims.length === 0 ? value.dtype : `${value.dtype}[${shownFirst(value.dims.map(showDimension))}]`;
    case "number":
      return showNumber(value);
    case "boolean":
      return String(value.value ?? "a truth value");
    case "string":
      return value.value === null ? "a text" : JSON.stringify(value.value);
    case "sparsity":
      return showSparsity(value);
    case "record":
      return `{ ${shownFirst([...value.fields].map(([name, field]) => `${name}: ${showField(field)}`))} }`;
    case "absent":
      return `${value.name}, which the config lacks`;
    case "config":
      return value.isList ? "a list" : "an object";
    case "dims":
      return value.dims.map(({ name }) => name).join(", ");
    case "model":
      return "a model";
    case "corpus":
      return "a text";
    case "windows":
      return "windows of text";
    case "callable":
      return `the function ${value.name}`;
    case "method":
      return `the method ${value.method.name.text}`;
    case "wrong":
      return "?";
  }
}

/** Records may hold others many times over: those inside one are not shown. */
const showField = (value: Value): string => (value.kind === "record" ? "{ … }" : showValue(value));

/** As many as a message has room for. */
const shownFirst = (items: readonly string[]): string =>
  items.length > 16 ? `${items.slice(0, 16).join(", ")}, …` : items.join(", ");

/** `in (384, config)`; the size is left out while it is just the name. */
export function showDimension({ name, size }: Dimension): string {
  const text = showSize(size);
  return text === name ? name : `${name}: ${text}`;
}

const showNumber = ({ real, size }: Num): string => String(real ?? (size ? showSize(size) : "a number"));

function showSparsity({ pattern, share }: Sparsity): string {
  if (pattern) return `${pattern.keep}:${pattern.of}`;
  if (!share) return "a sparsity";
  const percent = share.size && known(times(share.size, fixed(100)));
  return `${percent ?? 100 * (share.real ?? 0)}%`;
}
