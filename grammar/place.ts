/** What is known of a token besides its type: where it stands, how deep, and the documentation at it. */
import type { IToken, TokenType } from "chevrotain";
import type { SourceFile, Span } from "./source.ts";

/** What the parser has to know of a token beyond its type. */
export interface Place {
  /** How many brackets are open; an opening bracket and its closing one agree. */
  readonly depth: number;
  /** Whether `( )` or `[ ]` is the innermost bracket around it. */
  readonly isJoined: boolean;
  /** `///` lines above it, and those after it on its line. */
  readonly above: IToken[];
  readonly beside: IToken[];
}

/** What `layOut` found out about a token. */
export const placeOf = (token: IToken): Place => token.payload as Place;

/** Notes what is known before the documentation is. */
export const setPlace = (token: IToken, depth: number, isJoined: boolean): void => {
  token.payload = { depth, isJoined, above: [], beside: [] } satisfies Place;
};

/** The offset behind a token. */
export const endOf = (token: IToken): number => token.startOffset + token.image.length;

/** The place of a token in its file. */
export const spanOf = (file: SourceFile, token: IToken): Span => ({
  file,
  start: token.startOffset,
  end: endOf(token),
});

/** Whether a line ends between a token and an offset behind it. */
export const endsLine = (file: SourceFile, token: IToken, before: number): boolean =>
  file.text.slice(endOf(token), before).includes("\n");

/** The end of the line before a token, if the token does not stand on the line of the one before it. */
export function lineEndBefore(file: SourceFile, token: IToken, previous: IToken): Span | undefined {
  const end = endOf(previous);
  return end >= 0 && endsLine(file, previous, token.startOffset) ? { file, start: end, end } : undefined;
}

/** Makes a token one of another type. */
export function retag(token: IToken, type: TokenType): void {
  token.tokenType = type;
  token.tokenTypeIdx = type.tokenTypeIdx ?? 0;
}

/** A token that the text does not hold. */
export function virtualToken(type: TokenType, image: string, startOffset: number): IToken {
  const token: IToken = { image, startOffset, tokenType: type, tokenTypeIdx: 0 };
  retag(token, type);
  return token;
}
