/** What declarations of tasks can do to texts. */

/** What templates can do to a text, as Python does it. */
export const textRules: ReadonlyMap<string, (text: string, refuse: (why: string) => never) => string> = new Map([
  ["strip", (text) => strip(text)],
  ["capitalize", (text) => capitalized(text)],
  ["words", (text) => text.replaceAll("_", " ")],
  ["before_gap", (text, refuse) => atGap(text, refuse)[0]],
  ["after_gap", (text, refuse) => atGap(text, refuse)[1]],
]);

/** The code points that Python calls white space, in runs from one to another. */
const spaces = [
  [0x09, 0x0d],
  [0x1c, 0x20],
  [0x85, 0x85],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
] as const;

const isSpace = (text: string, at: number): boolean => {
  const code = text.charCodeAt(at);
  return spaces.some(([first, last]) => first <= code && code <= last);
};

/** A text without the white space at its end, and that. */
export function withoutEnd(text: string): readonly [text: string, end: string] {
  let at = text.length;
  while (at > 0 && isSpace(text, at - 1)) at--;
  return [text.slice(0, at), text.slice(at)];
}

/** A text without the white space around it. */
export function strip(text: string): string {
  const [kept] = withoutEnd(text);
  let at = 0;
  while (at < kept.length && isSpace(kept, at)) at++;
  return kept.slice(at);
}

/** The first character large, all others small. */
function capitalized(text: string): string {
  const [first = "", ...rest] = text;
  const [large = "", ...more] = first.toUpperCase();
  return large + (more.join("") + rest.join("")).toLowerCase();
}

/** A sentence in front of its gap, `_`, and behind it. */
function atGap(text: string, refuse: (why: string) => never): readonly [before: string, after: string] {
  const at = text.indexOf("_");
  return at < 0 ? refuse("has no gap `_` in its sentence") : [text.slice(0, at), text.slice(at + 1)];
}
