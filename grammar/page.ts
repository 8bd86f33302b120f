/** Lines on a page, with the blank lines of the source kept between them. */
import type { Block, Comment, Feedback } from "./ast.ts";
import type { Span } from "./source.ts";

/** The source that is formatted and how much of it has been written. */
export interface Page {
  readonly text: string;
  /** They are put back later (`weave.ts`); what holds one is not written on one line. */
  readonly comments: readonly Comment[];
  /** How statements inside expressions are written. */
  readonly writeBlock: (page: Page, block: Block, indent: number) => string;
  readonly writeFeedback: (page: Page, feedback: Feedback, indent: number) => string;
  /** Where in the source the last thing written ended. */
  end: number;
}

/** Something that begins a line: a declaration, a member, a statement. */
export interface Item {
  readonly span: Span;
  readonly doc?: string;
  /** Whether a blank line always stands before it. */
  readonly isApart?: boolean;
  readonly write: () => string;
}

/** Longer lines are broken where they can be. */
export const width = 120;

/** The blanks that a line begins with. */
export const pad = (indent: number): string => " ".repeat(indent);

/** `///` lines, each with its line end. */
export const docLines = (doc: string, indent: number): string =>
  doc === ""
    ? ""
    : doc
        .split("\n")
        .map((line) => `${pad(indent)}/// ${line}`.trimEnd().concat("\n"))
        .join("");

/** Whether a comment stands between two offsets of the source. */
export const hasComment = ({ comments }: Page, from: number, to: number): boolean =>
  comments.some(({ span }) => span.start >= from && span.start < to);

/** Items below each other; each line ends with a line end. */
export function writeItems(page: Page, items: readonly Item[], indent: number): string {
  let lines = "";
  for (const { span, doc = "", isApart = false, write } of items) {
    const isGap = /\n[ \t\r]*\n/.test(page.text.slice(page.end, span.start));
    if (lines !== "" && (isGap || isApart)) lines += "\n";
    page.end = Math.max(page.end, span.start);
    lines += `${docLines(doc, indent)}${pad(indent)}${write()}\n`;
    page.end = Math.max(page.end, span.end);
  }
  return lines;
}
