/**
 * Puts comments back: a tree is written without them (`format.ts`), then each goes between the two tokens between which it
 * stands in the source, behind the first on its line or on a line of its own, as there.
 */
import type { IToken } from "chevrotain";
import type { Comment } from "./ast.ts";
import { lex } from "./lexical.ts";
import { pad } from "./page.ts";
import { endOf } from "./place.ts";
import type { SourceFile } from "./source.ts";

/** The comments between two tokens of the source. */
interface Gap {
  /** Behind the first, on its line. */
  readonly beside: readonly Comment[];
  /** On lines of their own: before the documentation of what follows, and after it. */
  readonly above: readonly Placed[];
  readonly below: readonly Placed[];
  /** Whether an empty line stands before what follows, and before its documentation. */
  readonly isApart: boolean;
  readonly isDocApart: boolean;
}

interface Placed {
  readonly text: string;
  /** Whether an empty line stands before it. */
  readonly isApart: boolean;
}

/** The written text with the comments of its source. */
export function weave(source: SourceFile, comments: readonly Comment[], written: string): string {
  if (comments.length === 0) return written;
  const from = lex(source);
  const { tokens } = lex({ path: source.path, text: written });
  const kept = new Set(comments.map(({ span }) => span.start));
  const docs = from.comments.filter(({ startOffset }) => !kept.has(startOffset));
  const gaps = gapsOf(source, { tokens: from.tokens, docs, comments }, tokens);
  let text = "";
  for (let at = -1; at < tokens.length; at++) {
    const [token, next] = [tokens[at], tokens[at + 1]];
    const gap = gaps.get(at);
    text += token?.image ?? "";
    text += gap
      ? filled(gap, { written, token, next })
      : written.slice(token ? endOf(token) : 0, next?.startOffset ?? written.length);
  }
  return text;
}

/** What the canonical text may have more or fewer of than its source. */
const droppable: ReadonlySet<string> = new Set(["(", ")", ","]);

/** For each token of the source its place in the written text; -1 for a comma or a parenthesis that was left out. */
function align(source: readonly IToken[], written: readonly IToken[]): readonly number[] {
  let at = 0;
  const isAdded = (token: IToken): boolean => {
    const [here, next] = [written[at], written[at + 1]];
    if (!here || here.tokenType === token.tokenType || !droppable.has(here.image)) return false;
    return !droppable.has(token.image) || next?.tokenType === token.tokenType;
  };
  return source.map((token) => {
    while (isAdded(token)) at++;
    return written[at]?.tokenType === token.tokenType ? at++ : -1;
  });
}

/** What a source is made of. */
interface Source {
  readonly tokens: readonly IToken[];
  /** Documentation, which the written text has already. */
  readonly docs: readonly IToken[];
  readonly comments: readonly Comment[];
}

/** By the token of the written text behind which they stand, -1 for the beginning of the file. */
function gapsOf(
  { text }: SourceFile,
  { tokens, docs, comments }: Source,
  written: readonly IToken[],
): ReadonlyMap<number, Gap> {
  const places = placesIn(tokens, written);
  const gaps = new Map<number, Gap>();
  let [comment, doc] = [0, 0];
  for (const [i, at] of places.entries()) {
    const [start, end] = [i === 0 ? 0 : endOf(tokens[i - 1] as IToken), tokens[i]?.startOffset ?? text.length];
    const [firstDoc, firstComment] = [doc, comment];
    while ((docs[doc]?.startOffset ?? end) < end) doc++;
    while ((comments[comment]?.span.start ?? end) < end) comment++;
    if (comment === firstComment) continue;
    const here = { docs: docs.slice(firstDoc, doc), comments: comments.slice(firstComment, comment) };
    gaps.set(at, joined(gaps.get(at), gapIn(text, { start, end, isFirst: i === 0 }, here)));
  }
  return gaps;
}

/**
 * For what stands before each token of the source, and behind the last: the token of the written text behind which it goes. That
 * is the partner of the token before it, or a comma that was added; or a bracket that could not begin a line, where a pair of
 * parentheses around was left out.
 */
function placesIn(tokens: readonly IToken[], written: readonly IToken[]): readonly number[] {
  const partners = align(tokens, written);
  const taken = new Set(partners);
  const [isJoined, isStillJoined] = [joinedIn(tokens), joinedIn(written)];
  let last = -1;
  return [-1, ...tokens.keys()].map((i) => {
    last = Math.max(last, partners[i] ?? -1);
    const after = written[last + 1]?.image ?? "";
    const isAdded = after === "," && !taken.has(last + 1);
    const isContinued = opening.has(after) && isJoined[i] === true && isStillJoined[last] !== true;
    return isAdded || isContinued ? last + 1 : last;
  });
}

/** For each token whether `( )` or `[ ]` is the innermost bracket behind it, where a line may begin with anything. */
function joinedIn(tokens: readonly IToken[]): readonly boolean[] {
  const open: string[] = [];
  return tokens.map(({ image }) => {
    if (opening.has(image)) open.push(image);
    else if (closing.has(image)) open.pop();
    return open.length > 0 && open.at(-1) !== "{";
  });
}

function gapIn(
  text: string,
  { start, end, isFirst }: { readonly start: number; readonly end: number; readonly isFirst: boolean },
  { docs, comments }: Omit<Source, "tokens">,
): Gap {
  const stops = [start, ...docs.map(endOf), ...comments.map(({ span }) => span.end)];
  const isApart = (offset: number): boolean => {
    const before = Math.max(...stops.filter((stop) => stop <= offset));
    return /\n[ \t\r]*\n/.test(text.slice(before, offset));
  };
  const isBeside = ({ span }: Comment): boolean => !isFirst && !text.slice(start, span.start).includes("\n");
  const lastDoc = docs.at(-1)?.startOffset ?? Number.POSITIVE_INFINITY;
  const place = (comment: Comment): Placed => ({ text: comment.text, isApart: isApart(comment.span.start) });
  const own = comments.filter((comment) => !isBeside(comment));
  return {
    beside: comments.filter(isBeside),
    above: own.filter(({ span }) => span.start < lastDoc).map(place),
    below: own.filter(({ span }) => span.start > lastDoc).map(place),
    isApart: isApart(end),
    isDocApart: isApart(docs[0]?.startOffset ?? start),
  };
}

/** Two gaps between which the written text has nothing. */
function joined(first: Gap | undefined, second: Gap): Gap {
  if (!first) return second;
  const beside = second.beside.map(({ text }): Placed => ({ text, isApart: false }));
  return { ...second, beside: first.beside, above: [...first.above, ...first.below, ...beside, ...second.above] };
}

interface Between {
  readonly written: string;
  readonly token: IToken | undefined;
  readonly next: IToken | undefined;
}

/** What stands between two tokens of the written text, with the comments. */
function filled(gap: Gap, between: Between): string {
  const { written, token, next } = between;
  const blank = written.slice(token ? endOf(token) : 0, next?.startOffset ?? written.length);
  const [behind = "", ...below] = token ? blank.split("\n") : ["", ...blank.split("\n")];
  const lines = linesOf(gap, behind.trim() !== "", below, between);
  const rows = lines.map(({ text, isApart }) => (isApart ? `\n${text}` : text)).join("\n");
  const [beside = ""] = behind.trim() === "" ? gap.beside.map(({ text }) => `  ${text}`) : [behind];
  return token ? `${beside}\n${rows}` : rows;
}

/** The lines between two tokens, the last being the blanks before the second. */
function linesOf(gap: Gap, hasDoc: boolean, below: readonly string[], { written, token, next }: Between): Placed[] {
  const isEnd = next === undefined || closing.has(next.image);
  const indent = below.at(-1)?.length ?? indentAt(written, token) + (isEnd ? 0 : 2);
  const margin = pad(next && isEnd ? indent + 2 : indent);
  const indented = ({ text, isApart }: Placed): Placed => ({ text: margin + text, isApart });
  const displaced = hasDoc ? gap.beside.map(({ text }): Placed => ({ text, isApart: false })) : [];
  const above = [...displaced, ...gap.above].map(indented);
  const docs = below.filter((line) => line.trim() !== "");
  const documented = docs.map((text, i): Placed => ({ text, isApart: i === 0 && above.length > 0 && gap.isDocApart }));
  const own = [...above, ...documented, ...gap.below.map(indented)];
  const isNextApart = gap.isApart && !isEnd && own.length > 0 && (docs.length === 0 || gap.below.length > 0);
  const lines = [...own, { text: pad(next ? indent : 0), isApart: isNextApart }];
  const isSet = below.length > 1 && below[0] === "" && (above.length === 0 || !lines.some(({ isApart }) => isApart));
  return withFirst(lines, token, isSet);
}

/** The first line has an empty one before it where the source has or the written text has one, but not behind a bracket. */
function withFirst([first, ...more]: readonly Placed[], token: IToken | undefined, isSet: boolean): Placed[] {
  const isOpening = token === undefined || opening.has(token.image);
  return first ? [{ ...first, isApart: !isOpening && (first.isApart || isSet) }, ...more] : [];
}

const opening: ReadonlySet<string> = new Set(["(", "[", "{"]);
const closing: ReadonlySet<string> = new Set([")", "]", "}"]);

/** The blanks before the line of a token. */
function indentAt(text: string, token: IToken | undefined): number {
  const start = text.lastIndexOf("\n", token?.startOffset ?? 0) + 1;
  return text.slice(start).search(/[^ ]/);
}
