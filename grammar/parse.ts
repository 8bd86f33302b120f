/** Source text to syntax tree. */
import type { IRecognitionException, IToken } from "chevrotain";
import type { Expression, Module } from "./ast.ts";
import { tooDeep } from "./depth.ts";
import type { Diagnostic, Result } from "./diagnostic.ts";
import { isDoc, layOut } from "./layout.ts";
import { lex } from "./lexical.ts";
import { type Need, needs } from "./needs.ts";
import { Mistake } from "./operators.ts";
import { Parser } from "./parser.ts";
import { lineEndBefore, spanOf } from "./place.ts";
import { missing, mistake } from "./problem.ts";
import { position, type SourceFile } from "./source.ts";

/** More messages than this about one file help nobody. */
const most = 20;

const parser = new Parser();

/** What became of files: who checks again hands on the same files as far as they are the same. */
const parsed = new WeakMap<SourceFile, Result<Module>>();

/** The tree of what could be read of a file, and all that is wrong with its syntax, in the order of the text. */
export function parse(file: SourceFile): Result<Module> {
  const result = parsed.get(file) ?? read(file);
  parsed.set(file, result);
  return result;
}

/** The body of the one function of a file, if it is an expression. */
export function expressionIn(file: SourceFile): Expression | undefined {
  const { artifact, problems } = parse(file);
  const [fn, ...more] = problems.length > 0 ? [] : artifact.declarations;
  return fn?.kind === "fn" && fn.body.kind !== "block" && more.length === 0 ? fn.body : undefined;
}

function read(file: SourceFile): Result<Module> {
  const lexed = lex(file);
  const { tokens, diagnostics } = layOut(file, lexed.tokens, lexed.comments);
  const { imports, declarations: read, problems, documented } = parser.read(file, tokens);
  const depths = read.map(tooDeep);
  const declarations = read.filter((_, i) => !depths[i]);
  const deep = depths.flatMap((span) => (span ? [mistake("too-deep", span, "")] : []));
  const comments = lexed.comments
    .filter((token) => !isDoc(token) || !documented.has(token.startOffset))
    .map((token) => ({ text: token.image.trimEnd(), span: spanOf(file, token) }));
  const span = { file, start: 0, end: file.text.length };
  const found = problems.map((problem) => (problem instanceof Mistake ? problem.diagnostic : worded(file, problem)));
  return {
    artifact: { file, span, comments, imports, declarations },
    problems: oncePerLine([...lexed.diagnostics, ...diagnostics, ...found, ...deep]),
  };
}

/** The message for what chevrotain found; its text is the `Need` that `raise` gave it. */
function worded(file: SourceFile, problem: IRecognitionException): Diagnostic {
  const { message, token } = problem;
  const { previousToken } = problem as { readonly previousToken?: IToken };
  const need = Object.hasOwn(needs, message) ? (message as Need) : "statement-expected";
  return missing(need, spanOf(file, token), token.image, previousToken && lineEndBefore(file, token, previousToken));
}

/** One message for a line, the earliest stage's first: the others mostly follow from it. */
function oncePerLine(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const lines = new Map<number, Diagnostic>();
  for (const diagnostic of diagnostics.slice(0, 10 * most)) {
    const [label] = diagnostic.labels;
    const line = label ? position(label.span.file, label.span.start).line : 0;
    if (!lines.has(line)) lines.set(line, diagnostic);
  }
  return [...lines]
    .sort(([a], [b]) => a - b)
    .map(([, diagnostic]) => diagnostic)
    .slice(0, most);
}
