/** What an expression stands for: a tensor with named dimensions, or something known before the run; and what names stand for. */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { Node } from "../graph/ops.ts";
import type { Split, TaskFacts } from "../plan/plan.ts";
import { type Context, report } from "./context.ts";
import type { Num } from "./number.ts";
import { fixed, known, showSize, times } from "./size.ts";
import { type Dimension, showDimension, type Tensor, union, type Windows } from "./tensor.ts";

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
  /** Those of all tensors in it. */
  readonly dims: readonly Dimension[];
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
  /** It is a list of these, and has no fields. */
  readonly items?: readonly unknown[];
  readonly value: { readonly [key: string]: unknown } | null;
}

/** A model as a recipe sees it: the one given, or what a stage makes. */
export interface ModelValue {
  readonly kind: "model";
  /** The parameter's or the stage's name. */
  readonly name: string;
  /** The dimensions of its architecture outside the blocks, as `model.context` reads them. */
  readonly sizes: () => IteratorObject<readonly [name: string, size: Num]>;
  /** What stages have left of its weights, as far as that is known: `zeros 2:4 · stored Affine(…)`. */
  readonly effects?: readonly string[];
  /** What it makes of tokens. */
  readonly apply: (call: Call, model: ModelValue, tokens: Operand & { readonly value: Tensor }) => Value;
}

/** A text, whole (`split` null) or one of its splits; of its windows, all or the `first`. */
export interface Corpus {
  readonly kind: "corpus";
  readonly name: string;
  readonly split: Split | null;
  readonly first: number | null;
}

/** Questions with choices among which a model is to find the right ones. */
export interface Task {
  readonly kind: "task";
  readonly name: string;
  /** Null while it was not read. */
  readonly facts: TaskFacts | null;
  /** How many of its items are taken; null: all. */
  readonly first: number | null;
}

/** Something that can be called: a function of a program, one of the language, a linear layer. */
export interface Callable {
  readonly kind: "callable";
  readonly name: string;
  /** How it takes such arguments; most take all in one way. */
  readonly form: (given: readonly Ast.Argument[]) => Form;
}

export interface Form {
  readonly parameters: readonly Parameter[];
  /** Receives arguments that fit the parameters, none of which is wrong. */
  readonly apply: (call: Call, bound: Bound) => Value;
}

/** A parameter takes a value or, with a label, dimensions, unless it says what else. */
export type Parameter = Ast.Parameter & {
  readonly takes?: "dimension" | "mapping" | "row";
  /** It may be left out, and has no value then. */
  readonly isOptional?: true;
};

/** Where a call stands. */
export interface Call {
  readonly context: Context;
  readonly scope: Scope;
  readonly span: Span;
}

/** A value and where it was written. */
export interface Operand {
  readonly value: Value;
  readonly span: Span;
}

/** Dimensions as `over (a, b)` names them. */
export interface DimensionsGiven {
  readonly dims: readonly Dimension[];
  /** As many as there are dimensions: a name stands for each that it means. */
  readonly names: readonly Ast.Name[];
  readonly span: Span;
}

/** `a -> (b, c: 4)`, with sizes evaluated. */
export interface Mapping {
  readonly from: readonly Ast.Name[];
  readonly to: readonly { readonly name: Ast.Name; readonly size: Operand | null; readonly span: Span }[];
  readonly span: Span;
}

/** `name: a, b, …`: values in a row, which gets a name. */
export interface Row {
  readonly name: Ast.Name;
  readonly items: readonly Operand[];
}

/** What a call gave, by parameter. */
export interface Bound {
  readonly values: ReadonlyMap<string, Operand>;
  readonly dims: ReadonlyMap<string, DimensionsGiven>;
  readonly mappings: ReadonlyMap<string, Mapping>;
  readonly rows: ReadonlyMap<string, Row>;
  /** That of the call, where the dimensions of the arguments have their names too. */
  readonly scope: Scope;
}

export interface MethodValue {
  readonly kind: "method";
  readonly method: Ast.Method;
  /** Of the module that declares it. */
  readonly scope: Scope;
}

/** An architecture with all its members, be they its own or of the one that it starts from. */
export interface Architecture {
  readonly kind: "arch";
  readonly declaration: Ast.Arch;
  /** Of the module that declares it. */
  readonly scope: Scope;
  /** The modules of members that are not its own: there their names mean what they mean. */
  readonly homes: ReadonlyMap<Ast.ArchMember, Scope>;
}

/** A format with its arguments, as names in the scope that its declaration sees. */
export interface Format {
  readonly kind: "format";
  readonly declaration: Ast.Format;
  readonly scope: Scope;
}

/** A weight as a format stores it. */
export interface Coded {
  readonly kind: "coded";
  readonly format: Format;
  /** What is stored, by field. */
  readonly fields: ReadonlyMap<string, Tensor>;
  /** The numbers that fields are made of. */
  readonly operands: ReadonlyMap<string, Node>;
  /** The weight that it stands for. */
  readonly value: Tensor;
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
  | ModelValue
  | Corpus
  | Task
  | Windows
  | Callable
  | MethodValue
  | Architecture
  | Format
  | Coded
  | Wrong;

export const wrong: Wrong = { kind: "wrong" };

export function record(fields: ReadonlyMap<string, Value>): RecordValue {
  const values = [...fields.values()];
  const depths = values.map((field) => (field.kind === "record" ? field.depth : 0));
  const dims = values.map(dimsOf).reduce(union, []);
  return { kind: "record", fields, depth: 1 + Math.max(0, ...depths), dims };
}

/** The dimensions that a value carries. */
export const dimsOf = (value: Value): readonly Dimension[] =>
  value.kind === "tensor" || value.kind === "record" ? value.dims : [];

/** What names stand for in a module, a function or a recipe. */
export interface Scope {
  readonly values: Map<string, Value>;
  /** A name stands for one dimension; that of a `Dim` parameter for as many as a call gives it. */
  readonly dims: Map<string, readonly Dimension[]>;
  /** Where values are declared. */
  readonly places: Map<string, Span>;
  readonly parent: Scope | null;
  /** Identities that came from outside under other names: here they are no names, and nothing made here has them. */
  readonly foreign: ReadonlySet<string>;
}

/** Whether nothing is known of a value: a number, or whatever a field of the config is while no model is bound. */
export const isUnknown = (value: Value): boolean =>
  value.kind === "number" && value.real === null && value.size === null;

/** The field that a path from `config` on leads to. */
export const fieldAt = (path: string): string => path.replace(/^config\./, "");

/** Whether config.json lacks the field that the value is. */
export const isLacking = (value: Value): value is Absent => value.kind === "absent" && value.name.startsWith("config.");

/** The field of config.json that is the value, as far as that is known. */
export function sourceOf(value: Value): string | undefined {
  if (value.kind === "string" || value.kind === "boolean" || value.kind === "number") return value.field;
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
      return `${value.name}, which ${isLacking(value) ? "the config lacks" : "there is not"}`;
    case "config":
      return value.items ? "a list" : "an object";
    case "model":
      return ["a model", ...(value.effects ?? [])].join(", ");
    case "corpus":
      return "a text";
    case "task":
      return "a task";
    case "windows":
      return "windows of text";
    case "callable":
      return `the function ${value.name}`;
    case "method":
      return `the method ${value.method.name.text}`;
    case "arch":
      return `the architecture ${value.declaration.name.text}`;
    case "format":
      return showFormat(value);
    case "coded":
      return `${showFormat(value.format)} of ${showPlain(value.value)}`;
    case "wrong":
      return "?";
  }
}

/** `Affine(bits: 4, every: 128)` */
export const showFormat = ({ declaration: { name, parameters }, scope }: Format): string =>
  `${name.text}(${parameters.map((each) => `${each.name.text}: ${showPlain(scope.values.get(each.name.text) ?? wrong)}`).join(", ")})`;

/** Records may hold others many times over: those inside one are not shown. */
const showField = (value: Value): string => (value.kind === "record" ? "{ … }" : showValue(value));

/** As many as a message has room for. */
const shownFirst = (items: readonly string[]): string =>
  items.length > 16 ? `${items.slice(0, 16).join(", ")}, …` : items.join(", ");

const showNumber = ({ real, size, isShare }: Num): string =>
  isShare && real !== null
    ? `${Number((100 * real).toPrecision(12))}%`
    : String(real ?? (size ? showSize(size) : "a number"));

function showSparsity({ pattern, share }: Sparsity): string {
  if (pattern) return `${pattern.keep}:${pattern.of}`;
  if (!share) return "a sparsity";
  const percent = share.size && known(times(share.size, fixed(100)));
  return `${percent ?? 100 * (share.real ?? 0)}%`;
}

/** Says what a value should be; where it is a field that config.json lacks, that it is missing; nothing of what is wrong already. */
export function wrongType(context: Context, { value, span }: Operand, expected: string, hint = ""): Wrong {
  if (value.kind === "wrong") return value;
  if (isLacking(value)) return report(context, { kind: "config-missing", span, field: fieldAt(value.name), known: [] });
  return report(context, { kind: "wrong-type", span, expected, found: showValue(value), hint });
}
