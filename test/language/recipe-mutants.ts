/**
 * A child process of hostile-recipes.test.ts: COUNT random edits of recipes, from number FIRST on, each checked and, where that
 * finds nothing, compiled to a plan. One line for each on stdout: its number, its CPU seconds and what became of it.
 *
 *   node recipe-mutants.ts SEED FIRST COUNT
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { verify } from "../../compiler/artifacts.ts";
import { type CompileInputs, loadRecipe, plan } from "../../compiler/compile.ts";
import { CompileError } from "../../grammar/diagnostic.ts";
import { render } from "../../grammar/render.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { randomBelow } from "../../runtime/io/random.ts";
import { zoo } from "../recipe/methods-zoo.ts";
import { root } from "../repository/sources.ts";
import { anyDevice } from "../run/by-hand.ts";
import { hostWith } from "./run.ts";

const [seed = 0, first = 0, count = 1] = process.argv.slice(2).map(Number);
const recipe = (call: string): string => `
recipe trial(model: Model, text: Corpus, share: Fraction = 30%) {
  let some = text.train.sample(2, length: 24, seed: 7)
  stage small = ${call} of model over some for layer[0 .. 2].mlp.*, q except layer[1]
  expect perplexity(small, text.test, 64) < 2 * perplexity(model, text.test, 64)
  report bytes(small) / bytes(model)
  save small as "huggingface"
}
`;
const texts = [
  ...globSync("examples/*.lcomp", { cwd: root }).map((path) => readFileSync(join(root, path), "utf8")),
  ...Object.values(zoo).map(
    ({ method, call = "mine()" }) => `import { perplexity } from "std/evaluate"\n${method}${recipe(call)}`,
  ),
];
/** What may stand in each other's place. */
const kinds = [/^[a-z_]\w*$/i, /^\d+$/, /^[-+*/^<>=]$/, /^[()[\]{},:]$/];
const pieces = [
  ..."(){}[]=:,.-+*/%^<>|\"'#;\\ \n\0é0159",
  ...["let ", "over ", "where ", " else ", "stage ", "observe ", "->", "==", "..", "...", "2:4", "50%", "1e308", "-1 "],
  ...["in", "out", "w", "x", "model", "token", "sample", "lane", "sum(", "best(", "size(", "round", "f16", "lm_head"],
];

/** The text of a number: a few words replaced, mostly by words of their kind, dropped, doubled or written over. */
function mutant(number: number): string {
  let drawn = 0;
  const below = (bound: number): number => randomBelow(bound, seed, 100 * number + drawn++);
  let text = texts[below(texts.length)] ?? "";
  for (let edits = 1 + below(3); edits > 0; edits--) {
    const words = [...text.matchAll(/\w+|[^\w\s]/g)];
    const at = words[below(words.length)];
    if (!at) continue;
    const kind = kinds.find((pattern) => pattern.test(at[0]));
    const alike = words.filter(([word]) => kind?.test(word));
    const other = alike[below(alike.length)]?.[0] ?? at[0];
    const put = [other, other, other, "", `${at[0]} ${at[0]}`, pieces[below(pieces.length)] ?? ""][below(6)];
    text = `${text.slice(0, at.index)}${put}${text.slice(at.index + at[0].length)}`;
  }
  return text;
}

const { config, tensors } = await openCheckpoint(join(root, "examples/tiny"));
const facts = { name: "tiny", config, tensors };
const tokens = { train: 70_000, validation: 70_000, test: 70_000 };

function attempt(text: string): string {
  try {
    const loaded = loadRecipe(hostWith({ "mutant.lcomp": text }), "mutant.lcomp");
    const of = (type: string): readonly string[] =>
      loaded.parameters.filter((parameter) => parameter.type === type).map(({ name }) => name);
    const inputs: CompileInputs = {
      parameters: new Map(),
      models: new Map(of("Model").map((name) => [name, facts])),
      corpora: new Map(of("Corpus").map((name) => [name, { tokens }])),
    };
    return `plan of ${plan(loaded, inputs, anyDevice, verify).kernels.length} kernels`;
  } catch (error) {
    if (!(error instanceof CompileError)) return `BUG ${error instanceof Error ? error.stack : error}`;
    const messages = error.diagnostics.map((diagnostic) => render(diagnostic));
    const lost = messages.find((message) => !/--> .+:\d+:\d+$/m.test(message));
    if (messages.length === 0 || lost !== undefined) return `BUG no place: ${lost}`;
    return `refused ${error.diagnostics.map(({ id }) => id).join(" ")}`;
  }
}

for (let number = first; number < first + count; number++) {
  const text = mutant(number);
  const begin = process.cpuUsage();
  const result = attempt(text);
  const { user, system } = process.cpuUsage(begin);
  const shown = result.startsWith("BUG") ? `${result}\n${text}` : result;
  process.stdout.write(`${JSON.stringify({ number, seconds: (user + system) / 1e6, result: shown })}\n`);
}
