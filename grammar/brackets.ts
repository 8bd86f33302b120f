/** Which brackets belong together, and what to do where one has no partner. */
import type { IToken } from "chevrotain";
import type { Diagnostic, Label } from "./diagnostic.ts";
import { endOf, endsLine, retag, setPlace, spanOf, virtualToken } from "./place.ts";
import { mistake } from "./problem.ts";
import type { SourceFile } from "./source.ts";
import { memberWords, moduleWords, statementWords, T } from "./tokens.ts";

/** Brackets deeper than this are refused, so that no pass over the tree runs out of stack. */
const deepest = 100;

/** Tokens whose brackets come in pairs, and what was wrong with those that did not. */
interface Paired {
  readonly tokens: readonly IToken[];
  readonly diagnostics: readonly Diagnostic[];
}

const closing = new Map([
  ["(", ")"],
  ["[", "]"],
  ["{", "}"],
]);
const opening = new Map([...closing].map(([open, close]) => [close, open]));

/** Notes the depth of each token. If brackets do not match, each declaration that begins a line is looked at by itself. */
export function pairBrackets(file: SourceFile, tokens: readonly IToken[], comments: readonly IToken[]): Paired {
  if (!findUnpaired(tokens)) return { tokens, diagnostics: [] };
  const parts = declarations(file, tokens).map((part) => mendBrackets(file, part, comments));
  return { tokens: parts.flatMap((part) => part.tokens), diagnostics: parts.flatMap((part) => part.diagnostics) };
}

/** The tokens cut before each declaration that begins in the first column: where to go on after a bracket that is not closed. */
function declarations(file: SourceFile, tokens: readonly IToken[]): IToken[][] {
  const words = new Set<string>(moduleWords);
  const parts: IToken[][] = [[]];
  for (const token of tokens) {
    const before = file.text[token.startOffset - 1];
    if (words.has(token.image) && (before === undefined || before === "\n")) parts.push([]);
    parts.at(-1)?.push(token);
  }
  return parts;
}

/** A bracket without a partner, by its place in the row of tokens, and the bracket that shows it. */
interface Unpaired {
  readonly id: "too-deep" | "unopened-bracket" | "unclosed-bracket";
  readonly at: number;
  readonly shownBy?: number;
}

/** Notes the depth of each token and turns `(` before `… ) ->` into `T.MapParen`; returns the first bracket without a partner. */
function findUnpaired(tokens: readonly IToken[]): Unpaired | undefined {
  const open: number[] = [];
  for (const [i, token] of tokens.entries()) {
    const unpaired = opening.has(token.image) ? closePair(tokens, open, i) : undefined;
    if (unpaired) return unpaired;
    const innermost = tokens[open.at(-1) ?? -1]?.image ?? "{";
    setPlace(token, open.length, innermost !== "{");
    if (closing.has(token.image)) open.push(i);
    if (open.length > deepest) return { id: "too-deep", at: i };
  }
  const at = open.at(-1);
  return at === undefined ? undefined : { id: "unclosed-bracket", at };
}

/** Takes the partner of the closing bracket `i` from the open ones. */
function closePair(tokens: readonly IToken[], open: number[], i: number): Unpaired | undefined {
  const opener = opening.get(tokens[i]?.image ?? "");
  if (!open.some((at) => tokens[at]?.image === opener)) return { id: "unopened-bracket", at: i };
  const at = open.pop() as number;
  const partner = tokens[at] as IToken;
  if (partner.image !== opener) return { id: "unclosed-bracket", at, shownBy: i };
  if (opener === "(" && tokens[i + 1]?.tokenType === T.Arrow) retag(partner, T.MapParen);
  return undefined;
}

/** Drops closing brackets that close nothing and closes `(` and `[` where their statement ends. What is worse is left out. */
function mendBrackets(file: SourceFile, declaration: readonly IToken[], comments: readonly IToken[]): Paired {
  const diagnostics: Diagnostic[] = [];
  let tokens = declaration;
  for (let found = findUnpaired(tokens); found; found = findUnpaired(tokens)) {
    const { id, at, shownBy } = found;
    const token = tokens[at] as IToken;
    const end = id === "unopened-bracket" ? at : endOfStatement(file, tokens, at, shownBy ?? tokens.length);
    diagnostics.push(unpaired(file, id, token, end === shownBy ? tokens[end] : undefined, comments));
    if (diagnostics.length > 10 || id === "too-deep" || (id === "unclosed-bracket" && token.image === "{"))
      return { tokens: [], diagnostics };
    tokens =
      id === "unopened-bracket"
        ? tokens.toSpliced(at, 1)
        : tokens.toSpliced(end, 0, closerOf(token, tokens[end - 1] as IToken));
  }
  return { tokens, diagnostics };
}

/** The message for a bracket without a partner, which `other` or a comment may show. */
function unpaired(
  file: SourceFile,
  id: Unpaired["id"],
  token: IToken,
  other: IToken | undefined,
  comments: readonly IToken[],
): Diagnostic {
  const hidden = id === "unclosed-bracket" ? closingComment(file, token, comments) : undefined;
  if (hidden) return mistake("commented-bracket", spanOf(file, token), token.image, hidden);
  const label = other && { span: spanOf(file, other), text: "this closes another bracket" };
  return mistake(id, spanOf(file, token), token.image, label);
}

/** The comment on a bracket's line in which its partner stands. */
function closingComment(
  file: SourceFile,
  { image, startOffset }: IToken,
  comments: readonly IToken[],
): Label | undefined {
  const comment = comments.find((each) => each.startOffset > startOffset);
  const isBeside = comment && !file.text.slice(startOffset, comment.startOffset).includes("\n");
  const isHiding = isBeside && comment.image.includes(closing.get(image) ?? "");
  return isHiding ? { span: spanOf(file, comment), text: "a comment up to the end of the line" } : undefined;
}

/** Where the statement around an opening bracket ends: before the next line that begins a statement, or at `last`. */
function endOfStatement(file: SourceFile, tokens: readonly IToken[], at: number, last: number): number {
  const words = new Set<string>(["let", "each", "freeze", "minimise", ...statementWords, ...memberWords]);
  const next = tokens.findIndex(({ image, startOffset }, i) => {
    return i > at && words.has(image) && endsLine(file, tokens[i - 1] as IToken, startOffset);
  });
  return next < 0 ? last : Math.min(next, last);
}

const closerOf = ({ image }: IToken, last: IToken): IToken =>
  virtualToken(image === "(" ? T.RParen : T.RBracket, closing.get(image) ?? "", endOf(last) - 1);
