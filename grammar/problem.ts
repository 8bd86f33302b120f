/** The wording of every mistake in syntax. `found` is a piece of the user's text. */

import { adviceAt, adviceFor, newName } from "./advice.ts";
import type { Diagnostic, Label } from "./diagnostic.ts";
import { forms, type Need, needs } from "./needs.ts";
import type { Span } from "./source.ts";
import { nearest } from "./suggest.ts";
import { reserved, statementWords } from "./tokens.ts";

interface Wording {
  readonly title: string;
  /** What stands at the place; left out where the title says it all. */
  readonly label?: string;
  readonly hint?: string;
}

const quote = (text: string): string => {
  const [line = ""] = text.split("\n");
  return text === ""
    ? "the end of the file"
    : `\`${line.length > 40 || line !== text ? `${line.slice(0, 40)}…` : line}\``;
};

const mistakes = {
  "too-large": () => ({
    title: "a file of more than 256 KB is no recipe",
    hint: "models and texts are named with `--model` and `--text`",
  }),
  "not-text": () => ({ title: "the file is not text", hint: "recipes are UTF-8 text and end in `.lcomp`" }),
  "too-deep": () => ({ title: "this is nested too deeply", hint: "give parts of it a name with `let`" }),
  "unknown-character": (found) => ({ title: `${quote(found)} means nothing in this language`, ...lookalike(found) }),
  "open-string": () => ({
    title: "the string does not end on its line",
    label: "begins here",
    hint: 'close it with `"`',
  }),
  "unknown-escape": (found) => ({
    title: `${quote(found)} is no escape`,
    hint: 'the escapes are `\\"`, `\\\\`, `\\n`, `\\r`, `\\t` and `\\u{1F600}`',
  }),
  "malformed-number": (found) => ({
    title: `${quote(found)} is neither a number nor a name`,
    hint: "numbers look like `12`, `0.5`, `1e-7`, `50%` and `512 MiB`",
  }),
  "foreign-notation": (found) => ({ title: `${quote(found)} is notation of another language`, ...foreign(found) }),
  "unclosed-bracket": (found) => ({ title: `${quote(found)} is not closed`, label: "opened here" }),
  "commented-bracket": (found) => ({
    title: `${quote(found)} is closed in a comment alone`,
    label: "opened here",
    hint: "`//` begins a comment; a quotient rounded down is `floor(a / b)`",
  }),
  "floor-division": (found) => ({
    title: `${quote(found)} is a comment, and no division`,
    hint: "a quotient rounded down is `floor(a / b)`; where a comment is meant, write a word into it",
  }),
  "unopened-bracket": (found) => ({ title: `${quote(found)} closes nothing` }),
  "chained-comparison": () => ({ title: "comparisons do not chain", hint: "write `a < b and b < c`" }),
  "loose-not": () => ({
    title: "`not` binds looser than the operator before it",
    hint: "write `(not …)` in parentheses",
  }),
  "missing-let": (found) => ({
    title: `the new name ${quote(found)} needs \`let\``,
    hint: `write \`let ${found} = …\``,
  }),
  "stray-value": (found) => ({
    title: `the value ${quote(found)} is not used`,
    hint: "only the last line of a block may be a value; give this one a name with `let`",
  }),
  "unknown-statement": (found) => {
    const word = nearest(found, statementWords);
    const hint =
      adviceAt("statement-expected", found, "") ?? adviceFor(found) ?? (word ? `did you mean \`${word}\`?` : newName);
    return { title: `${quote(found)} begins no statement`, hint };
  },
  "incomplete-statement": (found) => ({
    title: `${quote(found)} is not followed by what it needs`,
    hint: `it is written like \`${forms[found as keyof typeof forms]}\``,
  }),
  "late-import": () => ({ title: "imports stand before the declarations" }),
} satisfies Record<string, (found: string) => Wording>;

/** The name of a mistake that is no missing piece: stable, and the argument of `lcomp explain`. */
export type MistakeId = keyof typeof mistakes;

/** The message for a mistake at a place, and where there is one the place that it conflicts with. */
export function mistake(id: MistakeId, span: Span, found: string, other?: Label): Diagnostic {
  const { title, label, hint }: Wording = mistakes[id](found);
  return { id, title, labels: [{ span, text: label ?? "" }, ...(other ? [other] : [])], ...(hint && { hint }) };
}

/** Needs that say what may stand at a place at all: these point at what stands there, the others at what lacks something. */
const exclusive = new Set<Need>([
  "statement-expected",
  "declaration-expected",
  "member-expected",
  "level-each",
  "level-end",
  "format-end",
  "train-end",
]);

/** The message for a piece that is missing before `span`, which may stand on a later line than the `lineEnd` before it. */
export function missing(need: Need, span: Span, found: string, lineEnd?: Span): Diagnostic {
  const [id, sentence] = needs[need];
  const isBetween = need === "statement-expected" || need === "value-end";
  const title = isBetween ? `${quote(found)} stands where ${sentence}` : sentence;
  if (lineEnd && !exclusive.has(need)) return { id, title, labels: [{ span: lineEnd, text: "here" }] };
  const hint = hintFor(need, span, found);
  const text = isBetween ? "" : `found ${quote(found)}`;
  return { id, title, labels: [{ span, text }], ...(hint && { hint }) };
}

/** Words of other languages that are names in this one: what follows them on their line makes the difference. */
export const isForeignWord = (text: string): boolean => ["if", "is", "lambda"].includes(text);

const foreign = (found: string): Pick<Wording, "hint"> => {
  if (found.startsWith("'")) return { hint: "strings stand in double quotes" };
  return { hint: adviceFor(found) ?? "comments begin with `//`" };
};

const lookalike = (found: string): Pick<Wording, "hint"> => {
  const hint = adviceFor(found);
  return hint === undefined ? {} : { hint };
};

const hintFor = (need: Need, { file, start }: Span, found: string): string | undefined => {
  const isReserved = needs[need][0] === "missing-name" && (reserved as readonly string[]).includes(found);
  if (isReserved) return `${quote(found)} is a word of the language and cannot be a name`;
  return adviceAt(need, found, file.text.slice(Math.max(0, start - 80), start)) ?? adviceFor(found);
};
