/** Expressions and types to canonical text, with the parentheses that the tree needs and no others. */
import type * as Ast from "./ast.ts";
import { quoted } from "./literals.ts";
import { precedence } from "./operators.ts";
import { type Page, pad, width } from "./page.ts";

/** Binds tighter than every operator: names, literals, calls, brackets. */
const postfix = 10;
/** `repeat`, `feedback` and `where` stand only where nothing binds. */
const loose = 0;

function tightness(value: Ast.Expression): number {
  switch (value.kind) {
    case "repeat":
    case "feedback":
      return -1;
    case "where":
      return loose;
    case "binary":
      return precedence[value.op];
    case "unary":
      return precedence[value.op === "not" ? "not" : "negate"];
    default:
      return postfix;
  }
}

/** An expression where any may stand, broken into lines if it begins at a column that leaves too little room. */
export function writeValue(page: Page, value: Ast.Expression, indent: number, column: number): string {
  const line = write(page, value, indent, -1);
  if (line.includes("\n") || column + line.length <= width) return line;
  return broken(page, value, indent) ?? line;
}

/** An expression before a body: what could take the `{` of the body for its own stands in parentheses. */
export function writeHeader(page: Page, value: Ast.Expression, indent: number): string {
  const isPlain = value.kind === "name" || value.kind === "number" || value.kind === "record";
  const isCall = value.kind === "call" && value.callee.kind === "name";
  return isPlain || isCall ? write(page, value, indent, postfix) : `(${write(page, value, indent, -1)})`;
}

function write(page: Page, value: Ast.Expression, indent: number, least: number): string {
  const text = writeBare(page, value, indent);
  return tightness(value) < least ? `(${text})` : text;
}

function writeBare(page: Page, value: Ast.Expression, indent: number): string {
  const inner = (child: Ast.Expression, least = -1): string => write(page, child, indent, least);
  switch (value.kind) {
    case "number":
      return value.text + (value.unit === undefined || value.unit === "%" ? (value.unit ?? "") : ` ${value.unit}`);
    case "string":
      return quoted(value.value);
    case "boolean":
      return String(value.value);
    case "pattern":
      return `${value.keep}:${value.of}`;
    case "name":
      return value.text;
    case "list":
      return `[${value.items.map((item) => inner(item)).join(", ")}]`;
    case "one-of":
      return `one of ${inner(value.values)}`;
    case "unary":
      return value.op === "not"
        ? `not ${inner(value.value, precedence.not)}`
        : `-${inner(value.value, precedence.negate)}`;
    case "binary":
      return writeBinary(value, inner);
    case "where":
      return writeWhere(value, inner);
    case "call":
      return `${inner(value.callee, postfix)}(${value.arguments.map((one) => writeArgument(page, one, indent)).join(", ")})`;
    case "index":
      return `${inner(value.value, postfix)}[${value.selections.map((one) => writeSelection(one, inner)).join(", ")}]`;
    case "field":
      return `${inner(value.value, postfix)}.${value.name.text}`;
    case "record":
      return writeRecord(value.fields.map((field) => writeField(page, field, indent)));
    case "construct":
      return `${inner(value.format, postfix)} ${inner(value.record)}`;
    case "repeat":
      return writeRepeat(page, value, indent);
    case "feedback":
      return page.writeFeedback(page, value, indent);
  }
}

type Inner = (child: Ast.Expression, least?: number) => string;

/** How tightly the operands of an operator must bind: `^` associates to the right; few know that `a ?? b == c` compares last. */
function operandTightness(op: Ast.BinaryOp): readonly [left: number, right: number] {
  const own = precedence[op];
  if (op === "^") return [postfix, precedence.negate];
  const compared = precedence["??"] + 1;
  return own === precedence["=="] ? [compared, compared] : [own, own + 1];
}

function writeBinary({ op, left, right }: Ast.Binary, inner: Inner): string {
  const [before, after] = operandTightness(op);
  const sign = op === "^" ? op : ` ${op} `;
  return inner(left, before) + sign + inner(right, after);
}

function writeWhere({ value, condition, otherwise }: Ast.Where, inner: Inner): string {
  const first = `${inner(value, 1)} where ${inner(condition, 1)}`;
  return otherwise ? `${first} else ${inner(otherwise, loose)}` : first;
}

/** A line per choice, each after the first behind its `else`. */
function breakWhere(value: Ast.Where, inner: Inner, indent: number): string {
  const start = `\n${pad(indent + 2)}`;
  const rows: string[] = [];
  let rest: Ast.Expression | undefined = value;
  while (rest?.kind === "where") {
    const [first, condition] = [inner(rest.value, 1), `where ${inner(rest.condition, 1)}`];
    const isShort = indent + start.length + "else ".length + first.length + condition.length < width;
    rows.push(first + (isShort ? " " : start) + condition);
    rest = rest.otherwise;
  }
  if (rest) rows.push(inner(rest, loose));
  return rows.join(`${start}else `);
}

const writeRecord = (fields: readonly string[]): string => (fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`);

function writeField(page: Page, field: Ast.RecordField, indent: number): string {
  if (field.kind === "spread") return `...${write(page, field.value, indent, -1)}`;
  return field.value ? `${field.name.text}: ${write(page, field.value, indent, -1)}` : field.name.text;
}

function writeArgument(page: Page, argument: Ast.Argument, indent: number): string {
  switch (argument.kind) {
    case "value": {
      const text = write(page, argument.value, indent, -1);
      return argument.name ? `${argument.name.text}: ${text}` : unlabelled(text);
    }
    case "over":
      return `${argument.label} ${writeNames(argument.dims)}`;
    case "mapping":
      return `${writeNames(argument.from)} -> ${writeMapped(page, argument.to, indent)}`;
  }
}

/** A call of something named `over` is no list of dimensions. */
const unlabelled = (text: string): string => (/^(?:over|across)\(/.test(text) ? `(${text})` : text);

function writeSelection(selection: Ast.Pick | Ast.Slice, inner: Inner): string {
  const dim = selection.dim.text;
  if (selection.kind === "pick") return `${dim}: ${inner(selection.at)}`;
  return `${dim}: ${inner(selection.from)} .. ${inner(selection.to)} as ${selection.as.text}`;
}

function writeRepeat(page: Page, { times, from, least, body }: Ast.Repeat, indent: number): string {
  const start = `repeat ${writeHeader(page, times, indent)} from ${writeHeader(page, from, indent)}`;
  const keeping = least ? ` keeping least ${writeHeader(page, least, indent)}` : "";
  return `${start}${keeping} ${page.writeBlock(page, body, indent)}`;
}

/** `a` or `(a, b)` */
export const writeNames = (names: readonly Ast.Name[]): string => {
  const [only, ...more] = names.map(({ text }) => text);
  return only !== undefined && more.length === 0 ? only : `(${names.map(({ text }) => text).join(", ")})`;
};

const writeMapped = (page: Page, dims: readonly Ast.NamedDim[], indent: number): string => {
  const [only, ...more] = dims;
  const isBare = only !== undefined && more.length === 0 && only.size === undefined && only.parts === undefined;
  return isBare ? only.name.text : `(${dims.map((dim) => writeDim(page, dim, indent)).join(", ")})`;
};

/** `token`, `lane: every`, `in = (block, lane: every)`, `...` */
export function writeDim(page: Page, dim: Ast.DimExpression, indent: number, isHeader = false): string {
  if (dim.kind === "rest") return "...";
  if (dim.parts) return `${dim.name.text} = (${dim.parts.map((part) => writeDim(page, part, indent)).join(", ")})`;
  if (!dim.size) return dim.name.text;
  return `${dim.name.text}: ${isHeader ? writeHeader(page, dim.size, indent) : write(page, dim.size, indent, -1)}`;
}

/** A type on one line. */
export function writeType(page: Page, type: Ast.TypeExpression, indent: number): string {
  const values = type.arguments.map((value) => write(page, value, indent, -1)).join(", ");
  const list = type.arguments.length > 0 ? `(${values})` : "";
  if (type.kind === "tensor-type")
    return `${type.element.text}${list}[${type.dims.map((dim) => writeDim(page, dim, indent)).join(", ")}]`;
  const range =
    type.range && ` in ${writeHeader(page, type.range.from, indent)} to ${writeHeader(page, type.range.to, indent)}`;
  return `${type.name.text}${list}${range ?? ""}`;
}

/** An expression over several lines, if there is a place to break it. */
function broken(page: Page, value: Ast.Expression, indent: number): string | undefined {
  const inner: Inner = (child, least = -1) => write(page, child, indent + 2, least);
  const rows = (items: readonly string[]): string =>
    `\n${items.map((item) => `${pad(indent + 2)}${item},\n`).join("")}${pad(indent)}`;
  const item = (child: Ast.Expression, prefix = ""): string =>
    prefix + unlabelled(writeValue(page, child, indent + 2, indent + 3 + prefix.length));
  switch (value.kind) {
    case "call":
      return `${inner(value.callee, postfix)}(${rows(
        value.arguments.map((one) =>
          one.kind === "value"
            ? item(one.value, one.name ? `${one.name.text}: ` : "")
            : writeArgument(page, one, indent + 2),
        ),
      )})`;
    case "list":
      return `[${rows(value.items.map((one) => item(one)))}]`;
    case "record":
      return `{${rows(value.fields.map((field) => breakField(field, item)))}}`;
    case "construct":
      return `${inner(value.format, postfix)} ${broken(page, value.record, indent)}`;
    case "where":
      return breakWhere(value, inner, indent);
    case "binary": {
      const [before, after] = operandTightness(value.op);
      if (value.op === "^") return undefined;
      return `${inner(value.left, before)}\n${pad(indent + 2)}${value.op} ${inner(value.right, after)}`;
    }
    default:
      return undefined;
  }
}

function breakField(field: Ast.RecordField, item: (child: Ast.Expression, prefix?: string) => string): string {
  if (field.kind === "spread") return item(field.value, "...");
  return field.value ? item(field.value, `${field.name.text}: `) : field.name.text;
}
