/** What `lcomp explain` says. A problem that has no entry here does not compile. */
import type { ProblemKind } from "../../compiler/problem.ts";
import type { Need, needs } from "../../grammar/needs.ts";
import type { MistakeId } from "../../grammar/problem.ts";

type SyntaxId = MistakeId | (typeof needs)[Need][0];

const syntax: Readonly<Record<SyntaxId, string>> = {
  "too-large": `A recipe is a page of text. Models and texts are not written into it: they are parameters,
and the command line names their folders with --model and --text.`,
  "not-text": "Recipes are UTF-8 text. Was a model or an archive given in the recipe's place?",
  "too-deep":
    "Parentheses and blocks are nested too deeply to be read. Give parts of the expression a name with `let`.",
  "unknown-character": 'The character belongs to no word of the language. Often it is a look-alike: × for *, “ for ".',
  "open-string": "A string begins and ends on one line, in double quotes.",
  "unknown-escape": 'The escapes in strings are \\" \\\\ \\n \\r \\t and \\u{1F600}.',
  "malformed-number": "Numbers look like 12, 0.5, 1e-7, 50% and 512 MiB; names begin with a letter.",
  "foreign-notation": `The language has no such operator. Powers are x^2, conditions \`and\`, \`or\`, \`not\`,
strings stand in double quotes, comments begin with //.`,
  "unclosed-bracket": "Each ( [ { needs its ) ] }. The message shows where the open one stands.",
  "unopened-bracket": "There is a closing bracket without an opening one before it.",
  "chained-comparison": "A comparison has two sides: write a < b and b < c.",
  "loose-not": "`not` binds looser than comparisons and operators; parentheses say what is meant: (not a) == b.",
  "missing-let": "A new name is bound with `let x = …`. Values never change, so there is no other assignment.",
  "stray-value":
    "A value that is not bound to a name is lost, except in the last line of a block, which is its result.",
  "unknown-statement": "No statement begins with this word: let, observe, stage, expect, report, save and so on.",
  "late-import": "Imports stand at the beginning of a file, before all declarations.",
  "incomplete-statement":
    "A part of the statement is missing; the message says which, and how the statement is written.",
  "incomplete-expression": "A part of the expression is missing; the message says which.",
  "incomplete-declaration": "A part of the declaration is missing; the message says which.",
  "missing-declaration":
    "Between declarations stand only declarations: import, fn, arch, method, recipe and their like.",
  "missing-comma": "The parts of a list are separated by commas, also over several lines.",
  "missing-name": "A name was expected: letters, digits and _, beginning with a letter.",
  "missing-value": "A value was expected: a number, a name, a call, or an expression of these.",
  "missing-block": "A body in { } was expected.",
  "missing-type": "A type was expected, such as Int, Sparsity, f32[out, in].",
  "missing-dimension": "The name of a dimension was expected. Dimensions have names, never numbers.",
  "unexpected-token": "What stands here continues nothing that came before, and begins nothing new.",
};

const semantic: Readonly<Record<ProblemKind, string>> = {
  "unknown-name": `The name is bound nowhere in this scope: not by \`let\`, not as a parameter, not by an import.
Values and dimensions are two namespaces: a dimension is known after \`over\`, inside [ ] and in size().`,
  "duplicate-name": "A name has one meaning in a scope. Give the second one another name.",
  "dimension-mismatch": `In one scope a dimension's name has one size. Two tensors that meet here carry the same name with
different sizes: if they are different things, rename one with \`rename(x, in -> other)\`.`,
  "not-aligned": `+ - where min max work element by element: the names of one operand must contain those of the other, so that
a forgotten rename is no bigger tensor. Only * / and comparisons combine different names, as outer products.`,
  "absent-dimension":
    "One reduces, indexes or splits along a dimension that the tensor has. The message lists those it has.",
  "dimension-escapes":
    "A dimension made in a function is fresh for each call and leaves it only through the declared result.",
  "activation-outside-observe": `Activations exist only while samples stream through the model. \`observe name = sum(…, over (sample, token))\`
says what to keep of them; what it gives can be used like any value.`,
  "observation-keeps":
    "What is kept must not grow with the text: reduce over token and sample with sum, mean, max, min or norm.",
  "does-not-divide": `A dimension is split into equal parts. Choose a size that divides it, or leave out the layers where it
does not, with \`except\`.`,
  "not-whole": "Sizes, counts and indices are whole numbers; / is real division.",
  "out-of-range": "The value lies outside of what is allowed here.",
  "empty-selector": `A selector that matches nothing is a mistake, not an empty stage. \`linear\` is every linear layer;
\`layer[0 .. 3].mlp.*\` those of some blocks; the message lists the names that this model has.`,
  "missing-parameter":
    "Give the parameter: as a flag on the command line for a recipe, as an argument for a method or a function.",
  "unknown-parameter": "What is called has no parameter of this name.",
  "wrong-parameter":
    "The argument has another type than the parameter: 50% is a share, 2:4 a pattern, 4 a whole number.",
  "wrong-type": "The operation needs a value of another type.",
  "import-not-found": `Modules are \`std/…\` or files relative to the importing one, such as "./mine.lcomp".`,
  "import-circular": "Modules may not import each other in a circle. Move what both need into a third one.",
  recursion: "Functions do not call themselves; what is done several times is written with `repeat`.",
  "weight-missing": `The architecture names a tensor that the model's files do not hold. Are all files there, and is config.json
that of this model?`,
  "weight-shape": "config.json and the stored weights disagree: they are not of the same model.",
  "weight-unknown": `The model holds tensors that the architecture would leave out: it is a variant that this architecture does
not describe. An \`arch\` in a file of your own can.`,
  "config-missing":
    "The architecture needs a field that config.json lacks. `??` gives a value for what may be missing.",
  "config-value": "A field of config.json has a value that the architecture cannot work with.",
  "unknown-architecture": `config.json names an architecture that no \`arch\` declares. Declare it in a file of your own and import it.`,
  "not-supported": "The language has this, and lcomp does not carry it out yet.",
};

const files: Readonly<Record<"file-not-found" | "no-recipe", string>> = {
  "file-not-found": "There is no such file.",
  "no-recipe":
    "`run`, `plan` and `compile` need a file with a recipe: `recipe name(model: Model, text: Corpus) { … }`.",
};

/** By the name that stands in brackets behind a message. */
export const explanations: Readonly<Record<string, string>> = { ...syntax, ...semantic, ...files };
