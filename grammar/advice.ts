/** What is said of pieces of other languages, by themselves or where something else was needed: each way is one that works. */
import type { Need } from "./needs.ts";

export const choice = "a choice is `value where condition else other`";
export const newName = "a new name is bound with `let`";
export const loops = "there are no loops over elements: operations take whole tensors, as in `2 * x`";
const functions =
  "functions are no values: operations take whole tensors, as in `2 * x`, and one with a name is `fn twice(x) = 2 * x`";
export const product = "a matrix product is `sum(a * b, over d)`";
const imports = 'it is written `import { dot } from "std/nn"`';
const constants = "a constant is a function without parameters: `fn two() = 2`";
const several = "several dimensions are written `over (a, b)`";
const picks = "each dimension stands before its position: `x[row: i, col: j]`";
const rounds = "`repeat n from { x } { { x: … } }` makes a record anew n times, each of the one before";
const quotes = "the name of a dimension takes no quotes";
const slices = "a slice is `x[token: 0 .. 4 as step]`";
const masks = "a condition does not index: `x where x > 0` leaves 0 for the others";
const digits = "a number has digits on both sides of its point: `0.5`, `1.0`";
const over = "dimensions stand behind `over`: `sum(x, over token)`";
const records = "several values are a record: `{ low: x, high: y }`";
const types = "there are no types of one's own: a function may give a record, `{ low: x, high: y }`";

const lookalikes: Readonly<Record<string, string>> = {
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
  "³": "^3",
  "⋅": "*",
  "∗": "*",
  "√": "sqrt",
  "∑": "sum",
  Σ: "sum",
  "∞": "-lowest",
  "∧": "and",
  "∨": "or",
  "¬": "not",
};

const plain: ReadonlyMap<string, string> = new Map([
  ...Object.entries(lookalikes).map(([sign, text]) => [sign, `write \`${text}\``] as const),
  ["**", "a power is `x^2`"],
  [":=", "a name is bound with `let x = …`"],
  ["&&", "write `and`"],
  ["||", "write `or`"],
  ["&", "conditions are joined with `and`"],
  ["|", "conditions are joined with `or`, and calls stand in each other: `exp(abs(x))`"],
  ["!", "write `not`"],
  ["=>", `${functions}; dimensions are mapped with \`->\``],
  ["->", "`->` stands before the type of a result and in views: `rename(x, a -> b)`"],
  [";", "statements need no separator"],
  ["=", "`=` gives a value a name; equality is `==`"],
  ["where", "only the last `where` of a chain goes without `else`; the others stand in parentheses"],
  ["def", "a function is declared with `fn`"],
  ["function", "a function is declared with `fn`"],
  ["func", "a function is declared with `fn`"],
  ["lambda", functions],
  ["return", "the last line of a block is its value"],
  ["if", choice],
  ["elif", choice],
  ["match", choice],
  ["?", choice],
  ["is", "equality is `==`"],
  ["in", loops],
  ["as", "`i32(x)`, `f16(x)` and `bf16(x)` convert"],
  ["const", newName],
  ["var", newName],
  ["while", rounds],
  ["for", loops],
  ["@", product],
  ["class", types],
  ["struct", types],
  ["type", types],
  ["enum", types],
  ["from", imports],
  ["use", imports],
  ["using", imports],
  ["require", imports],
  ["include", imports],
  ["end", "a body stands in braces: `{ … }`"],
  ["print", "`report` in a recipe shows a number"],
  ["assert", "`expect` in a recipe stops where a condition does not hold"],
]);

/** What is said of a piece of another language, wherever it stands. */
export const adviceFor = (found: string): string | undefined => plain.get(found);

interface Rule {
  readonly needs: readonly Need[];
  readonly found?: RegExp;
  /** What stands before it. */
  readonly before?: RegExp;
  readonly hint: string;
}

/** The first that fits counts. */
const rules: readonly Rule[] = [
  { needs: ["declaration-expected"], found: /^(?:let|const|var)$/, hint: constants },
  { needs: ["block-expected"], found: /^=$/, hint: "it stands in braces: `{ … }`" },
  {
    needs: ["statement-expected"],
    found: /^of$/,
    hint: "what a method makes of a model is a stage: `stage small = prune(50%) of model`",
  },
  { needs: ["statement-expected"], found: /^where$/, before: /[={]\s*$/, hint: choice },
  { needs: ["declaration-expected"], found: /^"/, hint: "documentation and comments begin with `///` and `//`" },
  { needs: ["value-end", "statement-expected"], found: /^"/, hint: "a string stands by itself, and holds no values" },
  {
    needs: ["value-end", "statement-expected", "group-end"],
    found: /^,$/,
    before: /\bover\s*\([^()]*$/,
    hint: several,
  },
  { needs: ["value-end", "statement-expected"], found: /^,$/, hint: records },
  { needs: ["group-end"], found: /^,$/, hint: `${records}; ${several}` },
  { needs: ["import-names"], hint: imports },
  { needs: ["string-expected"], hint: 'what is no name of the language stands in double quotes: `"std/nn"`' },
  { needs: ["index-dimension", "selection-colon"], before: /\b(?:over|across)\s*\[[\w\s,']*$/, hint: several },
  { needs: ["index-dimension", "selection-colon", "dimension-expected", "name-expected"], found: /^"/, hint: quotes },
  { needs: ["argument-comma"], found: /^"/, before: /\b(?:over|across)\s*\(?\s*$/, hint: quotes },
  { needs: ["argument-comma"], found: /^->$/, before: /"\s*$/, hint: quotes },
  { needs: ["index-dimension"], found: /^(?::|\d+:\d+|\.\.)$/, hint: slices },
  { needs: ["index-dimension"], found: /^-$/, hint: "the last is `x[token: size(token) - 1]`" },
  { needs: ["index-dimension", "selection-colon"], found: /^(?:[<>]=?|[=!]=)$/, hint: masks },
  { needs: ["dimension-expected"], found: /^\d/, hint: "a size stands behind a name: `f32[row: 3, col: 4]`" },
  { needs: ["argument-comma"], found: /^=$/, before: /\b(?:axis|dims?|axes)\s*$/, hint: over },
  { needs: ["argument-comma"], found: /^=$/, hint: "an argument is named with a colon: `name: value`" },
  { needs: ["value-expected"], found: /^=$/, hint: "a name is bound again with `let x = x + 1`; equality is `==`" },
  { needs: ["value-expected"], found: /^>$/, before: /<\s*$/, hint: "what is not equal is `a != b`" },
  { needs: ["value-expected"], found: /^where$/, hint: choice },
  { needs: ["value-expected"], found: /^\+$/, hint: "a name is bound again with `let x = x + 1`" },
  { needs: ["value-expected", "statement-expected"], found: /^\.$/, hint: digits },
  { needs: ["name-expected"], before: /\d\.\s*$/, hint: digits },
  {
    needs: ["name-expected"],
    before: /[\w\])']\s*\.\s*$/,
    found: /^[*/^+-]$/,
    hint: "operators work element by element: `x * y`",
  },
  { needs: ["binding-equals"], found: /^,$/, hint: "each name has a `let` of its own" },
  { needs: ["binding-equals"], found: /^:$/, hint: "a value has its type from what it is: `let x = …`" },
  {
    needs: ["binding-equals"],
    before: /\bmut\s+$/,
    hint: "values never change: write `let y = x`, and `let y = y + 1` later",
  },
  { needs: ["selection-colon"], found: /^,$/, hint: picks },
  { needs: ["level-end"], hint: "the value that a column takes stands behind `freeze`: `freeze round(c)`" },
  { needs: ["dimension-comma"], found: /^[*/+-]$/, hint: "a size stands behind a name: `half: size(in) / 2`" },
  { needs: ["value-end"], found: /^:$/, before: /\brepeat\b[^\n]*\{\s*[\w']+\s*$/, hint: rounds },
];

/** What is said where a piece stands in place of what is needed. */
export const adviceAt = (need: Need, found: string, before: string): string | undefined =>
  rules.find(
    (rule) => rule.needs.includes(need) && (rule.found?.test(found) ?? true) && (rule.before?.test(before) ?? true),
  )?.hint;
