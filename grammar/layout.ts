/**
 * Between lexer and parser: which tokens may continue the line before them, and which documentation stands at which token.
 *
 * Line ends mean nothing inside `( )` and `[ ]`. Elsewhere a line that begins with `(`, `[`, `{` or with `-` and its operand
 * without a blank begins something new; `- x` with a blank continues the line before, as any other operator does.
 */
import type { IToken, TokenType } from "chevrotain";
import { pairBrackets } from "./brackets.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { endOf, endsLine, placeOf, retag, setPlace, virtualToken } from "./place.ts";
import type { SourceFile } from "./source.ts";
import { T } from "./tokens.ts";

/** The tokens of a file, the last being `T.End`, and what is wrong with their brackets. */
export interface Layout {
  readonly tokens: readonly IToken[];
  readonly diagnostics: readonly Diagnostic[];
}

const continuing = new Map<TokenType, TokenType>([
  [T.LParen, T.CallParen],
  [T.LBracket, T.IndexBracket],
  [T.LBrace, T.FieldsBrace],
  [T.Minus, T.Infix],
]);

/** Tokens ready for the parser, brackets in pairs. */
export function layOut(file: SourceFile, lexed: readonly IToken[], comments: readonly IToken[]): Layout {
  const { tokens: paired, diagnostics } = pairBrackets(file, lexed, comments);
  markContinuing(file, paired);
  const end = virtualToken(T.End, "", file.text.length);
  setPlace(end, 0, false);
  const tokens = [...paired, end];
  attachDocs(file, tokens, comments.filter(isDoc));
  return { tokens, diagnostics };
}

/** Whether a comment documents: exactly three slashes. */
export const isDoc = ({ image }: IToken): boolean => image.startsWith("///") && !image.startsWith("////");

/** Gives brackets and minus signs that may continue the expression before them their continuing form. */
function markContinuing(file: SourceFile, tokens: readonly IToken[]): void {
  let previous: IToken | undefined;
  for (const token of tokens) {
    const form = continuing.get(token.tokenType);
    if (form && previous) {
      const isLoose = token.tokenType === T.Minus && /\s/.test(file.text[endOf(token)] ?? " ");
      if (isLoose || placeOf(token).isJoined || !endsLine(file, previous, token.startOffset)) retag(token, form);
    }
    previous = token;
  }
}

/** Gives each token the documentation above it and beside it. */
function attachDocs(file: SourceFile, tokens: readonly IToken[], docs: readonly IToken[]): void {
  let next = 0;
  let previous: IToken | undefined;
  for (const token of tokens) {
    for (let doc = docs[next]; doc && doc.startOffset < token.startOffset; doc = docs[++next]) {
      const isBeside = previous && !endsLine(file, previous, doc.startOffset);
      if (isBeside && previous) placeOf(previous).beside.push(doc);
      else placeOf(token).above.push(doc);
    }
    previous = token;
  }
}
