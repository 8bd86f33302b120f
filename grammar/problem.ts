/** The wording of every mistake in syntax. `found` is a piece of the user's text. */
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
    const hint = advice.get(found) ?? (word ? `did you mean \`${word}\`?` : newName);
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
  const title = need === "statement-expected" ? `${quote(found)} stands where ${sentence}` : sentence;
  if (lineEnd && !exclusive.has(need)) return { id, title, labels: [{ span: lineEnd, text: "here" }] };
  const hint = hintFor(need, found);
  const text = need === "statement-expected" ? "" : `found ${quote(found)}`;
  return { id, title, labels: [{ span, text }], ...(hint && { hint }) };
}

const choice = "a choice is `value where condition else other`";
const newName = "a new name is bound with `let`";

/** What is said of pieces of other languages, by themselves or after the need that they do not meet. */
const advice: ReadonlyMap<string, string> = new Map([
  ["**", "a power is `x^2`"],
  [":=", "a name is bound with `let x = …`"],
  ["&&", "write `and`"],
  ["||", "write `or`"],
  ["!", "write `not`"],
  ["=>", "write `->`"],
  [";", "statements need no separator"],
  ["=", "`=` gives a value a name; equality is `==`"],
  ["value-expected =", "a name is bound again with `let x = x + 1`; equality is `==`"],
  ["binding-equals ,", "each name has a `let` of its own"],
  ["binding-equals :", "a value has its type from what it is: `let x = …`"],
  ["statement-expected .", "a number begins with a digit: `0.5`"],
  ["argument-comma =", "an argument is named with a colon: `name: value`"],
  ["group-end ,", "several dimensions are written `over (a, b)`"],
  ["selection-colon ,", "several dimensions are written `over (a, b)`"],
  ["where", "only the last `where` of a chain goes without `else`; the others stand in parentheses"],
  ["def", "a function is declared with `fn`"],
  ["function", "a function is declared with `fn`"],
  ["lambda", "a function has a name and is declared with `fn`"],
  ["return", "the last line of a block is its value"],
  ["if", choice],
  ["?", choice],
  ["is", "equality is `==`"],
  ["const", newName],
  ["var", newName],
  ["while", "loops are `repeat n from { … } { … }`"],
  ["for", "there are no loops over elements: operations take whole tensors"],
  ["@", "a matrix product is `sum(a * b, over d)`"],
]);

/** Words of other languages that are names in this one: what follows them on their line makes the difference. */
export const isForeignWord = (text: string): boolean => ["if", "is", "lambda"].includes(text);

const foreign = (found: string): Pick<Wording, "hint"> => {
  if (found.startsWith("'")) return { hint: "strings stand in double quotes" };
  return { hint: advice.get(found) ?? "comments begin with `//`" };
};

const lookalikes: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "“": '"',
    "”": '"',
    "„": '"',
    "‘": "'",
    "’": "'",
    "−": "-",
    "–": "-",
    "×": "*",
    "·": "*",
    "÷": "/",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "→": "->",
    "…": "...",
    "²": "^2",
  }),
);

const lookalike = (found: string): Pick<Wording, "hint"> => {
  const plain = lookalikes.get(found);
  const hint = plain === undefined ? advice.get(found) : `write \`${plain}\``;
  return hint === undefined ? {} : { hint };
};

const hintFor = (need: Need, found: string): string | undefined => {
  const isReserved = needs[need][0] === "missing-name" && (reserved as readonly string[]).includes(found);
  if (isReserved) return `${quote(found)} is a word of the language and cannot be a name`;
  return advice.get(`${need} ${found}`) ?? advice.get(found);
};
