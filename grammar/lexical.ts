/** Text to tokens, with all that can be wrong below the grammar reported and mended, so that the parser can go on. */
import type { IToken, TokenType } from "chevrotain";
import type { Diagnostic } from "./diagnostic.ts";
import { unknownEscape } from "./literals.ts";
import { spanOf } from "./place.ts";
import { mistake } from "./problem.ts";
import type { SourceFile } from "./source.ts";
import { K, lexer, T } from "./tokens.ts";

/** Longer files are refused before they are read. */
const largest = 2 ** 18;

/** Every token is one that the grammar knows; what was mended to get there is in the diagnostics. */
export interface Lexed {
  readonly tokens: readonly IToken[];
  readonly comments: readonly IToken[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Tokens and comments of a file, each in order. */
export function lex(file: SourceFile): Lexed {
  const refused = refuse(file);
  if (refused) return { tokens: [], comments: [], diagnostics: [refused] };
  const { tokens, groups } = lexer.tokenize(file.text);
  const comments = groups["comments"] ?? [];
  const diagnostics = [
    ...tokens.flatMap((token) => inspect(file, token)),
    ...comments
      .filter((comment) => isDivisor(file, comment))
      .map((comment) => mistake("floor-division", spanOf(file, comment), comment.image.trimEnd())),
  ];
  return { tokens: tokens.flatMap(mend), comments, diagnostics };
}

function refuse(file: SourceFile): Diagnostic | undefined {
  if (file.text.length > largest) return mistake("too-large", { file, start: 0, end: 0 }, "");
  const binary = file.text.search(/(?![\t\n\v\f\r])[\p{Cc}\ufffd]/u);
  return binary < 0 ? undefined : mistake("not-text", { file, start: binary, end: binary + 1 }, "");
}

function inspect(file: SourceFile, token: IToken): Diagnostic[] {
  const span = spanOf(file, token);
  if (token.tokenType === T.OpenString) return [mistake("open-string", span, token.image)];
  if (token.tokenType === T.BadNumber) return [mistake("malformed-number", span, token.image)];
  if (token.tokenType === T.Unknown)
    return [mistake("unknown-character", span, String.fromCodePoint(token.image.codePointAt(0) ?? 0))];
  if (token.tokenType === T.Foreign) return [mistake("foreign-notation", span, token.image)];
  const unknown = token.tokenType === T.String ? unknownEscape(token.image) : undefined;
  if (!unknown) return [];
  const start = span.start + unknown.offset;
  return [mistake("unknown-escape", { file, start, end: start + unknown.text.length }, unknown.text)];
}

/** Whether a comment is a number alone, behind a value: what other languages read as a division. */
function isDivisor(file: SourceFile, { image, startOffset }: IToken): boolean {
  const line = file.text.slice(file.text.lastIndexOf("\n", startOffset) + 1, startOffset);
  return /^\/\/\s*\d[\w.]*\s*$/.test(image) && /[\w\])']\s*$/.test(line);
}

/** What the notation of other languages stands for here; what is not listed is left out. */
const meant: ReadonlyMap<string, TokenType> = new Map([
  ["**", T.Caret],
  [":=", T.Equals],
  ["&&", K.and],
  ["||", K.or],
  ["!", K.not],
  ["=>", T.Arrow],
]);

function mend(token: IToken): IToken[] {
  if (token.tokenType === T.Unknown) return [];
  if (token.tokenType !== T.Foreign) return [token];
  const type = token.image.startsWith("'") ? T.String : meant.get(token.image);
  return type ? [{ ...token, tokenType: type, tokenTypeIdx: type.tokenTypeIdx ?? 0 }] : [];
}
