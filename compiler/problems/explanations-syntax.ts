/** What `lcomp explain` says of mistakes in how a program is written. */
import type { Need, needs } from "../../grammar/needs.ts";
import type { MistakeId } from "../../grammar/problem.ts";
import { type Explanation, programs } from "./explanation.ts";

type Id = MistakeId | (typeof needs)[Need][0];

/** Whole programs. */
const whole = (text: string, wrong: string, right: string): Explanation => ({
  text,
  examples: programs(wrong, right),
});

/** One line of a body. */
const lines = (text: string, wrong: string, right: string): Explanation => {
  const example = (line: string) => ({ shown: line, program: `fn example(x: f32[token]) {\n  ${line}\n  y\n}\n` });
  return { text, examples: { wrong: example(wrong), right: example(right) } };
};

const text: Readonly<
  Record<
    | "too-large"
    | "not-text"
    | "unknown-character"
    | "open-string"
    | "unknown-escape"
    | "malformed-number"
    | "foreign-notation",
    Explanation
  >
> = {
  "too-large": {
    text: "A recipe is a page of text. Models and texts are not written into it: they are parameters, and the command line names their folders.",
  },
  "not-text": whole(
    "Files are UTF-8 text. Was a model or an archive given in place of a recipe?",
    "fn half(x: f32[in]) = x / 2 // \ufffd",
    "fn half(x: f32[in]) = x / 2",
  ),
  "unknown-character": lines(
    'The character belongs to no word of the language. Often it is a look-alike that a word processor put there: × for *, “ for ", – for -.',
    "let y = 2 × x",
    "let y = 2 * x",
  ),
  "open-string": whole(
    "A string begins and ends on one line, in double quotes.",
    'import { dot } from "std/nn',
    'import { dot } from "std/nn"',
  ),
  "unknown-escape": whole(
    'The escapes in strings are \\" \\\\ \\n \\r \\t and \\u{1F600}.',
    'import { dot } from "std\\nn\\q"',
    'import { dot } from "std/nn"',
  ),
  "malformed-number": lines(
    "Numbers look like 12, 0.5, 1e-7, 50% and 512 MiB. Names begin with a letter, and a product is written with *.",
    "let y = 3x",
    "let y = 3 * x",
  ),
  "foreign-notation": lines(
    "Powers are x^2, conditions `and`, `or` and `not`; strings stand in double quotes, comments begin with //, and statements end with their line.",
    "let y = x ** 2",
    "let y = x^2",
  ),
};

const structure: Readonly<Record<Exclude<Id, keyof typeof text>, Explanation>> = {
  "too-deep": {
    text: "Brackets, operators or calls are nested too deeply to be read. Give parts of the expression a name with `let`.",
  },
  "unclosed-bracket": lines(
    "Each ( [ { needs its ) ] }. The message shows where the open one stands, and what closes something else.",
    "let y = sum(x, over token",
    "let y = sum(x, over token)",
  ),
  "commented-bracket": lines(
    "Two slashes begin a comment, which goes to the end of the line and takes the closing bracket with it. A quotient rounded down is floor(a / b).",
    "let y = x[token: index(token) // 2]",
    "let y = x[token: floor(index(token) / 2)]",
  ),
  "floor-division": lines(
    "Two slashes begin a comment; behind a value one that is a number alone looks as if a division was meant. A quotient rounded down is floor(a / b).",
    "let y = x // 2",
    "let y = floor(x / 2)",
  ),
  "unopened-bracket": lines(
    "A closing bracket has no opening one before it.",
    "let y = sum(x, over token))",
    "let y = sum(x, over token)",
  ),
  "chained-comparison": lines(
    "A comparison has two sides.",
    "let y = x where 0 < x < 1",
    "let y = x where 0 < x and x < 1",
  ),
  "loose-not": lines(
    "`not` binds looser than comparisons and arithmetic, so parentheses must say what is meant behind an operator.",
    "let y = 1 - not x > 0",
    "let y = 1 where not x > 0",
  ),
  "missing-let": lines(
    "A new name is bound with `let`. Values never change, so there is no other assignment.",
    "y = 2 * x",
    "let y = 2 * x",
  ),
  "stray-value": lines(
    "A value that gets no name is lost, except in the last line of a body, which is its result.",
    "max(x, over token)\n  let y = 2 * x",
    "let y = 2 * x",
  ),
  "unknown-statement": lines(
    "No statement begins with this word. In a body stand `let` and `observe`, in a recipe also `stage`, `report`, `expect` and `save`; a body ends in its value, without a word before it.",
    "int y = 2",
    "let y = 2",
  ),
  "late-import": whole(
    "Imports stand at the beginning of a file, before all declarations.",
    'fn half(x: f32[in]) = x / 2\n\nimport { dot } from "std/nn"',
    'import { dot } from "std/nn"\n\nfn half(x: f32[in]) = x / 2',
  ),
  "incomplete-statement": whole(
    "A part of the statement is missing; the message says which. A stage is `stage name = method(…) of model over samples for layers`.",
    `method halved() on linear(w: f32[out, in]) { w / 2 }

recipe half(model: Model) {
  stage small = halved() for layer
}`,
    `method halved() on linear(w: f32[out, in]) { w / 2 }

recipe half(model: Model) {
  stage small = halved() of model for layer
}`,
  ),
  "incomplete-expression": lines(
    "A part of the expression is missing; the message says which. An index names its dimension, and a slice names what it leaves.",
    "let y = norm(x[token: 1 .. 3], over step)",
    "let y = norm(x[token: 1 .. 3 as step], over step)",
  ),
  "incomplete-declaration": whole(
    "A part of the declaration is missing; the message says which. A method says what it works on, a function has `=` and a value, or a body.",
    "method halved(w: f32[out, in]) { w / 2 }",
    "method halved() on linear(w: f32[out, in]) { w / 2 }",
  ),
  "missing-declaration": whole(
    "At the top of a file stand only declarations: import, fn, arch, method, recipe. In an architecture: dim, weight, table, linear, blocks, ignore, fn.",
    "let two = 2\n\nfn twice(x: f32[in]) = two * x",
    "fn two() = 2\n\nfn twice(x: f32[in]) = two() * x",
  ),
  "missing-comma": lines(
    "Parts between brackets are separated by commas, also over several lines. The last one may end with a comma.",
    "let y = max(x 0)",
    "let y = max(x, 0)",
  ),
  "missing-name": lines(
    "A name was expected: letters, digits and _, beginning with a letter, and primes at the end. Words of the language such as `where` are no names.",
    "let where = x > 0\n  let y = x",
    "let isHere = x > 0\n  let y = x",
  ),
  "missing-value": lines(
    "A value was expected: a number, a name, a call, or what operators make of them.",
    "let y = (x + )",
    "let y = x + 1",
  ),
  "missing-block": whole(
    "A body in braces was expected.",
    "recipe half(model: Model)",
    'recipe half(model: Model) {\n  save model as "huggingface"\n}',
  ),
  "missing-type": whole(
    "A type was expected behind the colon: Int, Float, Fraction, Sparsity, Bool, Text, Model, Corpus, or a tensor's, such as f32[out, in].",
    "fn scaled(x: f32[in], by: ) = x * by",
    "fn scaled(x: f32[in], by: Float) = x * by",
  ),
  "missing-dimension": whole(
    "The name of a dimension was expected. Dimensions have names and never numbers; a size stands behind the name.",
    "fn total(x: f32[token, 3]) = sum(x, over token)",
    "fn total(x: f32[token, part: 3]) = sum(x, over token)",
  ),
  "unexpected-token": lines(
    "What stands here goes on with nothing that came before, and begins nothing new.",
    "let y = x where x > 0 where x < 1",
    "let y = x where x > 0 and x < 1",
  ),
};

export const syntaxExplanations: Readonly<Record<Id, Explanation>> = { ...text, ...structure };
