/** Diagnostic to text for people: the title, each place with its source line, the hint. Pure; colour is a parameter. */
import type { Diagnostic, Label } from "./diagnostic.ts";
import { position, type SourceFile, showPlace } from "./source.ts";

/** Longer source lines are cut around what is pointed at. */
const widest = 100;
const tab = "  ";

const codes = { bold: 1, red: 31, blue: 34, cyan: 36 } as const;
type Paint = (style: keyof typeof codes, text: string) => string;

/** A message without a line end after its last line. */
export function render(diagnostic: Diagnostic, isColoured = false): string {
  const paint: Paint = (style, text) => (isColoured && text !== "" ? `\u001b[${codes[style]}m${text}\u001b[0m` : text);
  const { id, title, hint } = diagnostic;
  const labels = diagnostic.labels.map((label): Label => ({ ...label, span: anchored(label.span) }));
  const margin = Math.max(1, ...labels.map(({ span }) => String(position(span.file, span.start).line).length));
  const files = [...new Set(labels.map(({ span }) => span.file))];
  const frames = files.map((file) => frame(file, labels, margin, paint));
  const advice = hint === undefined ? [] : [`${" ".repeat(margin)} ${paint("cyan", `= hint: ${readable(hint)}`)}`];
  const kind = diagnostic.isNote ? paint("cyan", "note") : paint("red", "problem");
  return [`${kind}: ${paint("bold", readable(title))} [${id}]`, ...frames, ...advice].join("\n");
}

/** A place behind the last line moves to the end of the last line that holds something; all places lie in their file. */
function anchored(span: Label["span"]): Label["span"] {
  const last = span.file.text.trimEnd().length;
  const size = span.file.text.length;
  const start = span.start >= size ? last : Math.max(0, span.start);
  return { file: span.file, start, end: Math.max(start, Math.min(span.end, size)) };
}

/** The labelled lines of one file; the first label of all is underlined with `^`, the others with `-`. */
function frame(file: SourceFile, labels: readonly Label[], margin: number, paint: Paint): string {
  const own = labels.filter(({ span }) => span.file === file);
  const [first] = own;
  const edge = `${" ".repeat(margin)} ${paint("blue", "|")}`;
  const lines = [`${" ".repeat(margin)}${paint("blue", "-->")} ${readable(first ? showPlace(first.span) : file.path)}`];
  let above: number | undefined;
  for (const label of [...own].sort((a, b) => a.span.start - b.span.start)) {
    const { line } = position(file, label.span.start);
    const { text, column, length } = excerpt(label);
    const sign = label === labels[0] ? "^" : "-";
    const isWide = text.includes("…");
    if (above !== undefined && line > above + 1) lines.push(`${" ".repeat(margin)} ${paint("blue", ":")}`);
    if (line !== above || isWide)
      lines.push(`${paint("blue", `${String(line).padStart(margin)} |`)} ${text}`.trimEnd());
    const mark = paint(sign === "^" ? "red" : "blue", `${sign.repeat(length)} ${readable(label.text)}`.trimEnd());
    lines.push(`${edge} ${" ".repeat(column)}${mark}`);
    above = line;
  }
  return lines.join("\n");
}

/** A source line as it is shown, and where in it and how wide the label's place is. */
function excerpt({ span: { file, start, end } }: Label): {
  readonly text: string;
  readonly column: number;
  readonly length: number;
} {
  const from = file.text.lastIndexOf("\n", start - 1) + 1;
  const newline = file.text.indexOf("\n", start);
  const to = newline < 0 ? file.text.length : newline;
  const before = shown(file.text.slice(Math.max(from, start - 2 * widest), start));
  const inside = shown(file.text.slice(start, Math.min(end, to, start + 2 * widest)));
  const after = shown(file.text.slice(Math.min(end, to), Math.min(to, end + 2 * widest)).trimEnd());
  const isCut = before.length + inside.length + after.length > widest;
  const left = isCut && before.length > widest / 3 ? ["…", ...before.slice(-Math.floor(widest / 3))] : before;
  const room = widest - left.length;
  const middle = inside.slice(0, room);
  const right =
    isCut && middle.length + after.length > room ? [...after.slice(0, Math.max(0, room - middle.length)), "…"] : after;
  return { text: [...left, ...middle, ...right].join(""), column: left.length, length: Math.max(1, middle.length) };
}

/** One cell for each character: tabs are two blanks, what has no shape is a dot. */
const shown = (text: string): string[] => [...readable(text.replaceAll("\t", tab))];

/** Every character has a shape and moves nothing else: line ends, controls and what turns the direction of writing are dots. */
export const readable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, "·");
