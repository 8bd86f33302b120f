/** What people read on a terminal: plain text that fits its width. */
import { readable } from "../../grammar/render.ts";
import type { Flags } from "./flags.ts";

/** A stream to which text for people goes. */
export type TextStream = Pick<NodeJS.WriteStream, "write"> & { readonly isTTY?: boolean; readonly columns?: number };

/** The signs of ours that ASCII has not, and what stands for them, of the same width. */
const plainSigns: Readonly<Record<string, string>> = { "→": ">", "×": "x", "…": "~", "·": ".", "“": '"', "”": '"' };

/**
 * How many characters a line may have: as many as the terminal has columns, which change with its window. What goes into a
 * file or to another program is as wide as it is.
 */
export const widthOf = ({ isTTY, columns }: TextStream): number => (isTTY ? columns || 80 : Number.POSITIVE_INFINITY);

/**
 * Lines of text, each ended. Names from files and drivers may hold anything: what has no shape, line ends included, becomes a dot,
 * so that no name can steer the terminal or pass for a line of its own.
 */
export const lines = (...texts: readonly string[]): string => texts.map((text) => `${readable(text)}\n`).join("");

/** A text of several lines, which stay, where `lines` takes one line each. */
export const paragraphs = (text: string): string => lines(...text.trimEnd().split("\n"));

/** A value as JSON that a terminal can show: what has no shape is written as an escape, and reads back the same. */
export const json = (value: unknown): string =>
  `${JSON.stringify(value, null, 2).replace(/(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, escaped)}\n`;

const escaped = (character: string): string =>
  [...Array(character.length).keys()]
    .map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`)
    .join("");

/** Writes text for people; to a terminal whose locale is plain ASCII, without our other signs. */
export function say(stream: TextStream, text: string, environment: NodeJS.ProcessEnv = process.env): void {
  const isPlain = stream.isTTY === true && !writesUnicode(environment);
  stream.write(isPlain ? text.replace(/[→×…·“”]/g, (sign) => plainSigns[sign] ?? sign) : text);
}

/** Writes a command's result to stdout: as JSON where `--json` asks for it, else for people, in lines of the terminal's width. */
export function printResult(flags: Flags, result: unknown, shown: (width: number) => string): void {
  if (flags["json"] === true) process.stdout.write(json(result));
  else say(process.stdout, shown(widthOf(process.stdout)));
}

/** Whether the locale's characters are those of Unicode; Windows and macOS have no other. */
function writesUnicode({ LC_ALL, LC_CTYPE, LANG }: NodeJS.ProcessEnv): boolean {
  return process.platform !== "linux" || /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || "");
}

/** The words of a text in lines of at most `width` characters; all but the first are indented. */
export function wrapped(text: string, width: number, indent = ""): readonly string[] {
  const all: string[] = [];
  const start = /^ */.exec(text)?.[0] ?? "";
  for (const word of text.trim().split(" ")) {
    const last = all.at(-1);
    if (last === undefined) all.push(start + word);
    else if (last.length + 1 + word.length > width) all.push(indent + word);
    else all[all.length - 1] = `${last} ${word}`;
  }
  return all;
}

/** A line for a name, set as wide as `names`: the first sentence of what there is to say of it, cut where the line ends. */
export function summary(name: string, text: string, names: number, width: number): string {
  const [sentence = ""] = text.replaceAll("\n", " ").split(/(?<=[.?!]) /, 1);
  const line = `  ${name.padEnd(names)}  ${sentence}`.trimEnd();
  return line.length <= width ? line : `${line.slice(0, width - 1)}…`;
}

/** A text of at most `width` characters: where it is longer, its middle is left out, in whole words if much of it stays then. */
export function shortened(text: string, width: number): string {
  const characters = [...text];
  if (characters.length <= width) return text;
  const words = text.split(" ");
  for (let kept = words.length - 1; kept > 1; kept--) {
    const [start, end] = [words.slice(0, Math.ceil(kept / 2)), words.slice(words.length - Math.floor(kept / 2))];
    const shorter = [...start, "…", ...end].join(" ");
    const size = [...shorter].length;
    if (size <= width && size > (2 / 3) * width) return shorter;
  }
  const tail = Math.floor((width - 1) / 2);
  return [...characters.slice(0, width - 1 - tail), "…", ...characters.slice(characters.length - tail)].join("");
}

/** `1 window`, `2 windows`. */
export const counted = (count: number, one: string, more = `${one}s`): string => `${count} ${count === 1 ? one : more}`;
