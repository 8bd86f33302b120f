/** Source files and places in them. Every tree node, graph node and kernel carries a `Span`, so that any message can point. */

export interface SourceFile {
  /** How users name the file: a path as given, or a module name such as `std/nn`. */
  readonly path: string;
  readonly text: string;
}

/** A half-open range of UTF-16 offsets in one file. */
export interface Span {
  readonly file: SourceFile;
  readonly start: number;
  readonly end: number;
}

/** The source text of a place. */
export const textAt = ({ file, start, end }: Span): string => file.text.slice(start, end);

/** 1-based line and column of an offset. */
export function position(file: SourceFile, offset: number): { readonly line: number; readonly column: number } {
  const before = file.text.slice(0, offset);
  const line = before.split("\n").length;
  return { line, column: offset - before.lastIndexOf("\n") };
}

/** `path:line:column`, the form editors understand. */
export function showPlace({ file, start }: Span): string {
  const { line, column } = position(file, start);
  return `${file.path}:${line}:${column}`;
}

/** The smallest span that covers both; the files must be the same. */
export const cover = (a: Span, b: Span): Span => ({
  file: a.file,
  start: Math.min(a.start, b.start),
  end: Math.max(a.end, b.end),
});
