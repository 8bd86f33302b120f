/** Lines on a page, with the comments and the blank lines of the source kept between them. */
import type { Block, Comment, Feedback } from "./ast.ts";
import type { Span } from "./source.ts";

/** The source that is formatted and how much of it has been written. */
export interface Page {
  readonly text: string;
  readonly comments: readonly Comment[];
  /** How statements inside expressions are written. */
  readonly writeBlock: (page: Page, block: Block, indent: number) => string;
  readonly writeFeedback: (page: Page, feedback: Feedback, indent: number) => string;
  /** The first comment that is not written yet. */
  next: number;
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

/** Whether a comment that is not written yet stands before an offset. */
export const hasComment = ({ comments, next }: Page, before: number): boolean => {
  const comment = comments[next];
  return comment !== undefined && comment.span.start < before;
};

/** Items below each other, with the comments up to `end`; each line ends with a line end. */
export function writeItems(page: Page, items: readonly Item[], indent: number, end: number): string {
  let lines = "";
  const blank = (to: number, isApart = false): void => {
    const isGap = /\n[ \t\r]*\n/.test(page.text.slice(page.end, to));
    if (lines !== "" && (isGap || isApart)) lines += "\n";
  };
  const comments = (before: number, isApart = false): boolean => {
    let isFirst = true;
    while (hasComment(page, before)) {
      const comment = page.comments[page.next++] as Comment;
      blank(comment.span.start, isApart && isFirst);
      isFirst = false;
      lines += `${pad(indent)}${comment.text}\n`;
      page.end = comment.span.end;
    }
    return !isFirst;
  };
  for (const { span, doc = "", isApart = false, write } of items) {
    const isDone = comments(span.start, isApart);
    blank(span.start, isApart && !isDone);
    page.end = Math.max(page.end, span.start);
    lines += docLines(doc, indent) + pad(indent) + write();
    lines += writeTrailing(page, span.end, indent);
    page.end = Math.max(page.end, span.end);
  }
  comments(end);
  return lines;
}

/** The comments inside an item that have no line of their own, and the one behind it; ends the line. */
function writeTrailing(page: Page, end: number, indent: number): string {
  const first = page.next;
  for (let comment = page.comments[first]; comment; comment = page.comments[++page.next]) {
    const isBehind = !page.text.slice(end, comment.span.start).includes("\n");
    if (comment.span.start >= end && !isBehind) break;
  }
  const [only, ...more] = page.comments.slice(first, page.next);
  if (only === undefined) return "\n";
  page.end = Math.max(page.end, (more.at(-1) ?? only).span.end);
  if (more.length === 0) return `  ${only.text}\n`;
  return `\n${[only, ...more].map(({ text }) => `${pad(indent)}${text}\n`).join("")}`;
}
