/** `lcomp init`: a recipe for a model, made of one of the examples, with a budget and runs that suit the model. */
import { existsSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { loadRecipe, type Outline, outline } from "../../compiler/compile.ts";
import { showBytes } from "../../compiler/plan/bytes.ts";
import { parseArgument } from "../../compiler/recipe/load-recipe.ts";
import type * as Ast from "../../grammar/ast.ts";
import { accepted, CompileError } from "../../grammar/diagnostic.ts";
import { format } from "../../grammar/format.ts";
import { parse } from "../../grammar/parse.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import { writeWhole } from "../io/whole-file.ts";
import { packageRoot } from "../package-root.ts";
import { UserError } from "../user-error.ts";
import { type Command, declare, flag, given, value } from "./flags.ts";
import { entryFor, entryOf, translated } from "./host.ts";
import { openModel } from "./models.ts";
import { outlineReport } from "./outline-table.ts";
import { factsOf } from "./recipe.ts";
import { lines, printResult } from "./terminal.ts";

export const initCommand: Command = {
  builder: (yargs) =>
    declare(yargs.positional("MODEL", { type: "string", describe: "a Hugging Face folder or a GGUF file" }), {
      budget: value("the most that the model's tensors may take, such as 4GiB", {
        defaultDescription: "what codes of 4 bits take",
      }),
      output: value("the file to write", { defaultDescription: "small_MODEL.lcomp" }),
      json: flag("print what was written as JSON"),
    }),
  handler: async (flags) => {
    const model = String(flags["MODEL"]);
    const name = `small_${nameOf(model)}`;
    const file = given(flags, "output") ?? `${name}.lcomp`;
    if (existsSync(file)) throw new UserError(`${file} is there already; name another with --output`);
    const { text, ...written } = recipeFor(await openModel(model), { name, file, model }, given(flags, "budget"));
    writeWhole(file, text);
    const out = join("out", name);
    const next = [
      `lcomp plan ${quoted(file)} --model ${quoted(model)}`,
      `lcomp run ${quoted(file)} --model ${quoted(model)} --text TEXT --out ${out}`,
    ];
    printResult(flags, { file, ...written, next }, () =>
      lines(`${file} is written. What it would do, and how it is done with a text of yours:`, ...next),
    );
  },
};

/** The name of a model's folder or file as one of a recipe. */
function nameOf(path: string): string {
  const words = basename(resolve(path)).replace(/\.gguf$/i, "");
  return (
    words
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "_")
      .replace(/^_|_$/g, "") || "model"
  );
}

interface Written {
  readonly text: string;
  /** The most that all tensors may take, as the recipe has it. */
  readonly budget: string;
  /** Inputs that share a scale. */
  readonly every: number;
}

/** The example of budgets for one model, which is accepted for it; throws CompileError where it cannot be. */
function recipeFor(
  checkpoint: Checkpoint,
  names: Readonly<Record<"name" | "file" | "model", string>>,
  budget?: string,
): Written {
  const { every, outlined } = codesFor(checkpoint);
  const report = outlineReport(outlined);
  const { bytes_before, bytes_after } = report.total;
  const most = budget === undefined ? wholeSize(bytes_after) : sizeIn(budget);
  const [{ architecture, layers } = { architecture: "", layers: 0 }] = report.models;
  const about = [
    `${basename(resolve(names.model))}: ${architecture}, ${layers} layers, ${showBytes(bytes_before)}. Codes of 4 bits take ${showBytes(bytes_after)}.`,
    "",
    `lcomp plan ${quoted(names.file)} --model ${quoted(names.model)} says what this would do, and a parameter is a flag: --bytes, --every …`,
    `lcomp list shows what else there is, and lcomp doc NAME what that takes.`,
  ].map((line) => `// ${line}`.trimEnd());
  const text = format(
    accepted(
      parse({
        path: names.file,
        text: `${about.join("\n")}\n${withValues(example("budget"), names.name, { bytes: most, every: String(every) })}`,
      }),
    ),
  );
  outlineOf(names.file, text, checkpoint);
  return { text, budget: most, every };
}

const example = (name: string): string => readFileSync(join(packageRoot, "examples", `${name}.lcomp`), "utf8");

/** What a run is that divides no width, or that is longer than one. */
const tooLong = ["does-not-divide", "out-of-range"];

/** The longest runs that divide what all layers read, and what GPTQ's codes of them would be. */
function codesFor(checkpoint: Checkpoint, every = 128): { readonly every: number; readonly outlined: Outline } {
  try {
    const text = withValues(example("four_bits"), "four_bits", { every: String(every) });
    return { every, outlined: outlineOf("four_bits.lcomp", text, checkpoint) };
  } catch (error) {
    const isTooLong = error instanceof CompileError && error.diagnostics.every(({ id }) => tooLong.includes(id));
    if (!isTooLong || every === 16) throw error;
    return codesFor(checkpoint, every / 2);
  }
}

function outlineOf(path: string, text: string, checkpoint: Checkpoint): Outline {
  const models = new Map([["model", factsOf(checkpoint)]]);
  return outline(loadRecipe(entryOf(path, text).host, path), { parameters: new Map(), models, corpora: new Map() });
}

/** A recipe of another name, whose parameters have other values. */
function withValues(text: string, name: string, values: Readonly<Record<string, string>>): string {
  const { declarations } = accepted(parse({ path: "example", text }));
  const recipe = declarations.findLast((each): each is Ast.Recipe => each.kind === "recipe");
  if (recipe === undefined) throw new Error("the example has no recipe");
  const fields = recipe.parameters.flatMap((each) => {
    const now = values[each.name.text];
    return now === undefined || each.value === undefined ? [] : [{ ...each.value.span, now }];
  });
  return [{ ...recipe.name.span, now: name }, ...fields]
    .toSorted((a, b) => b.start - a.start)
    .reduce((all, { start, end, now }) => all.slice(0, start) + now + all.slice(end), text);
}

/** A size with a unit, as recipes write it. */
function sizeIn(budget: string): string {
  const parsed = translated(entryFor("std/fit").shown, () =>
    parseArgument({ name: "budget", type: "Bytes", doc: "", fallback: null }, budget),
  );
  if (parsed.kind === "number") return budget;
  throw new UserError(`--budget ${budget} is no size, such as 4GiB`, { exitCode: 2 });
}

/** The least size of whole units that is no smaller, and hardly larger. */
function wholeSize(bytes: number): string {
  const [unit, name] = bytes < 2 ** 24 ? [2 ** 10, "KiB"] : bytes < 2 ** 34 ? [2 ** 20, "MiB"] : [2 ** 30, "GiB"];
  return `${Math.ceil(bytes / unit)} ${name}`;
}

/** As a shell takes it for one word. */
const quoted = (word: string): string => (/^[\w./~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
