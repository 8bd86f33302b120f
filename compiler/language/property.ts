/** What values offer beyond their fields: a sparsity's counts, a text's windows. */
import type * as Ast from "../../grammar/ast.ts";
import { slotNames } from "../graph/slots.ts";
import { bindArguments, parameter } from "./call.ts";
import { type Context, dimensionsNamed, report, reportDimension, type Scope } from "./context.ts";
import { compileTimeNumber } from "./expression.ts";
import { numbers } from "./number.ts";
import { declareDimension } from "./signature.ts";
import { atom, fixed, known, type Size } from "./size.ts";
import { emit, graphDims, type Operand, volume } from "./tensor.ts";
import { type Corpus, number, ofSize, type Sparsity, unknownWhole, type Value, type Windows, wrong } from "./value.ts";

/** `sparsity.cell(d)`: the length of a cell along d; `sparsity.keep(d)`: how many of a cell stay. */
export function sparsityCall(
  context: Context,
  scope: Scope,
  of: Sparsity,
  name: Ast.Name,
  { arguments: given, span }: Ast.Call,
): Value {
  if (name.text !== "cell" && name.text !== "keep")
    return report(context, {
      kind: "unknown-name",
      span: name.span,
      name: name.text,
      what: "property of a sparsity",
      known: ["cell", "keep", "share", "pattern"],
    });
  const [first] = given;
  if (first?.kind !== "value" || first.value.kind !== "name" || given.length !== 1)
    return report(context, { kind: "wrong-arguments", span, of: name.text, form: `${name.text}(d)` });
  const { text, span: place } = first.value;
  const dims = dimensionsNamed(scope, text);
  if (!dims) {
    reportDimension(context, scope, text, place);
    return wrong;
  }
  return cellOrKept(name.text === "cell", of, volume(dims));
}

/** The length of a cell, or how many of it stay, along dimensions of this size. */
function cellOrKept(isCell: boolean, { pattern, share }: Sparsity, size: Size): Value {
  if (pattern) return number(isCell ? pattern.of : pattern.keep);
  if (isCell) return ofSize(size);
  const [all, removed] = [known(size), share && numbers("*", (a, b) => a * b, ofSize(size), share).real];
  return all === undefined || removed === null ? unknownWhole : number(all - Math.floor(removed));
}

/** `text.sample(count, length: n, seed: 0)` draws windows; `text.windows(length)` takes all that fit, and gives their tokens. */
export function corpusCall(context: Context, scope: Scope, of: Corpus, name: Ast.Name, expression: Ast.Call): Value {
  const { span } = expression;
  const isSample = name.text === "sample";
  if (!isSample && name.text !== "windows")
    return report(context, {
      kind: "unknown-name",
      span: name.span,
      name: name.text,
      what: "function of a text",
      known: ["sample", "windows", "train", "validation", "test"],
    });
  const parameters = isSample ? [parameter("count"), parameter("length"), parameter("seed", 0)] : [parameter("length")];
  const bound = bindArguments(context, scope, name.text, parameters, expression.arguments, span);
  if (!bound) return wrong;
  const numberOf = (key: string, what: string, least: number) => wholeFrom(context, bound.values.get(key), what, least);
  const length = numberOf("length", "the length of a window", 2);
  const count = isSample ? numberOf("count", "the number of samples", 1) : 0;
  const seed = isSample ? numberOf("seed", "the seed", 0) : 0;
  if (length === null || count === null || seed === null) return wrong;
  const split = of.split ?? (isSample ? "train" : "test");
  const windows: Windows = { kind: "windows", corpus: of.name, split, length, draw: isSample ? { count, seed } : null };
  if (isSample && context.countWindows({ ...windows, draw: null }) === 0) return tooLong(context, windows, span);
  if (count * length > mostTokens)
    return report(context, {
      kind: "out-of-range",
      span,
      what: `the number of tokens of ${count} samples of ${length}`,
      value: String(count * length),
      range: `at most ${mostTokens}`,
      hint: "draw fewer samples: methods are published with 128 to 1024",
    });
  return isSample ? windows : tokensOf(context, scope, windows, span);
}

/** Of a sample: positions of tokens are whole numbers of 32 bits. */
const mostTokens = 2 ** 31;

/** A whole number from `least`; 0 while it is unknown or left out, null if it is wrong. */
function wholeFrom(context: Context, given: Operand | undefined, what: string, least: number): number | null {
  if (!given) return 0;
  const found = compileTimeNumber(context, given);
  if (!found) return null;
  const { real: value } = found;
  if (value === null) return 0;
  if (Number.isInteger(value) && value >= least && value <= 2 ** 31) return value;
  const range = `a whole number from ${least}`;
  report(context, { kind: "out-of-range", span: given.span, what, value: String(value), range });
  return null;
}

/** The tokens of windows: i32[sample, token], with `sample` streaming past. */
function tokensOf(context: Context, scope: Scope, windows: Windows, span: Ast.Call["span"]): Value {
  const length = windows.length > 0 ? fixed(windows.length) : atom("token");
  const count = context.countWindows(windows);
  if (count === 0) return tooLong(context, windows, span);
  refuseOthers(context, scope, windows, span);
  const stream = { span, streamed: { model: null, windows } };
  const sample = declareDimension(scope, "sample", count ? fixed(count) : atom("sample"), "the windows", stream);
  const token = declareDimension(scope, "token", length, "the windows", { span });
  for (const { id } of [sample, token]) scope.made.add(id);
  const type = { dtype: "i32" as const, dims: graphDims([token]) };
  return {
    kind: "tensor",
    dtype: "i32",
    dims: [sample, token],
    node: emit(context, "input", [], { name: slotNames.tokens, type, role: "data" }, span),
  };
}

function tooLong(context: Context, windows: Windows, span: Ast.Call["span"]): Value {
  const { corpus, split, length } = windows;
  const tokens = context.countWindows({ ...windows, length: 1, draw: null });
  const range = `at most ${tokens}, all tokens of \`${corpus}.${split}\``;
  return report(context, { kind: "out-of-range", span, what: "the length of a window", value: String(length), range });
}

/** In one scope `sample` and `token` are those of one text in windows of one length. */
function refuseOthers(context: Context, scope: Scope, windows: Windows, span: Ast.Call["span"]): void {
  const old = scope.dims.get("sample");
  const other = old?.streamed?.windows;
  if (!other || (other.corpus === windows.corpus && other.split === windows.split && other.length === windows.length))
    return;
  const show = ({ corpus, split, length }: Windows) => `\`${corpus}.${split}\` in windows of ${length}`;
  report(context, {
    kind: "dimension-mismatch",
    span,
    name: "sample",
    found: show(windows),
    expected: show(other),
    other: old?.span ?? span,
    because: `sample is ${show(other)}`,
  });
}
