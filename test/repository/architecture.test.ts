import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "../harness/suite.ts";
import { type Import, lineAt, root, type Source, sourcesIn } from "./sources.ts";

const product = sourcesIn("grammar", "compiler", "runtime");
const everything = [...product, ...sourcesIn("test", "bench", "report", "site")];

/** Each layer and what it may import beside its own files, the narrowest folder first. */
const layers: readonly (readonly [layer: string, allowed: readonly string[]])[] = [
  ["compiler/plan", ["ajv"]],
  ["runtime/cli", ["grammar", "compiler", "compiler/plan", "runtime", "node:", "yargs", "vega", "vega-lite"]],
  ["grammar", ["chevrotain"]],
  ["compiler", ["grammar", "compiler/plan"]],
  ["runtime", ["compiler/plan", "node:", "webgpu"]],
];

/**
 * The folders of compiler/ in the order in which they may know each other: first the graph, the noun that most of them
 * share, then the stages as a program passes them. `plan` is the contract, not a stage.
 */
const stages = [
  ...[
    "graph",
    "index",
    "effects",
    "problems",
    "language",
    "model",
    "target",
    "recipe",
    "fuse",
    "rewrite",
    "schedule",
    "memory",
    "kernel",
  ],
];

const topLevel = [
  ...["grammar", "compiler", "runtime", "examples", "stdlib", "test", "bench", "report", "site", "docs", ".ci"],
  ...["package.json", "package-lock.json", "tsconfig.json", "biome.json", ".gitignore", "LICENSE"],
  ...["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"],
];
const untracked = [".git", "node_modules", "dist", "out", ".cache", "coverage"];

const isBelow = (folder: string, path: string): boolean => path === folder || path.startsWith(`${folder}/`);
const layerOf = (path: string): string => layers.find(([layer]) => isBelow(layer, path))?.[0] ?? path;
const stageOf = (path: string): string | undefined => /^compiler\/(\w[\w-]*)\//.exec(path)?.[1];

function isAllowed(source: Source, { from }: Import): boolean {
  const layer = layerOf(source.path);
  const allowed = layers.find(([name]) => name === layer)?.[1] ?? [];
  if (!/\.(ts|mjs)$/.test(from))
    return allowed.some((name) => (name.endsWith(":") ? from.startsWith(name) : isBelow(name, from)));
  return layerOf(from) === layer || allowed.includes(layerOf(from));
}

/** Why a file of one stage may not make this import, or undefined if it may. */
function stageProblem(path: string, { from, isType }: Import): string | undefined {
  const [own, other] = [stageOf(path), stageOf(from)];
  if (own === undefined || other === undefined || own === other || own === "plan" || other === "plan") return undefined;
  if (stages.indexOf(other) > stages.indexOf(own)) return `${own} comes before ${other} and cannot know it`;
  const isVerb = from === `compiler/${other}/${other}.ts` && !isType;
  return isVerb ? `only compile.ts calls ${from}` : undefined;
}

/** "place: message" for everything that `find` reports. */
function problems<T>(items: readonly T[], find: (item: T) => Iterable<string>): readonly string[] {
  return items.flatMap((item) => [...find(item)]);
}

function* matches({ path, code }: Source, pattern: RegExp, message: string): Generator<string> {
  for (const { index, 0: found } of code.matchAll(pattern))
    yield `${path}:${lineAt(code, index)}: ${message}: ${found}`;
}

/** Exports that tests alone use and that must stand where they are. */
const forTests = [
  // The meaning of the primitives, beside the table of them.
  "compiler/graph/interpret.ts interpret",
  // Draws from all that the private functions of the file can make.
  "compiler/schedule/schedule-contraction.ts schedulesFor",
];

type Imports = ReadonlyMap<string, readonly string[]>;

const importsIn = (sources: readonly Source[], isWanted: (one: Import) => boolean = () => true): Imports =>
  new Map(sources.map(({ path, imports }) => [path, imports.filter(isWanted).map(({ from }) => from)]));

/** The files that a file leads to. */
function reachable(imports: Imports, path: string): ReadonlySet<string> {
  const found = new Set<string>();
  const left = [...(imports.get(path) ?? [])];
  for (let next = left.pop(); next !== undefined; next = left.pop())
    if (!found.has(next)) {
      found.add(next);
      left.push(...(imports.get(next) ?? []));
    }
  return found;
}

/** Files that import one another in a circle, of types too: each circle once. */
function circlesAmong(sources: readonly Source[]): readonly (readonly string[])[] {
  const imports = importsIn(sources);
  const reached = new Map([...imports.keys()].map((path) => [path, reachable(imports, path)]));
  const circleOf = (path: string): readonly string[] =>
    [...imports.keys()].filter((other) => reached.get(path)?.has(other) && reached.get(other)?.has(path));
  return [...imports.keys()].map(circleOf).filter((circle, i) => circle[0] === [...imports.keys()][i]);
}

/** Whether one of these files imports a name of a file. */
function importedBy(sources: readonly Source[]): (source: Source, name: string) => boolean {
  const imports = sources.flatMap((source) => source.imports);
  const used = new Set(imports.flatMap(({ from, names }) => names.map((name) => `${from} ${name}`)));
  return ({ path }, name) => used.has(`${path} ${name}`) || used.has(`${path} *`);
}

/** How often a file has a name, its declaration included. */
const usesOf = (name: string, { code }: Source): number => code.split(new RegExp(`\\b${name}\\b`)).length - 1;

/** Those of the functions that kernels can call, of bodies/ and functions.ts, that no kernel calls. */
function uncalledFunctions(): readonly string[] {
  const isOffer = ({ path }: Source): boolean =>
    isBelow("compiler/kernel/bodies", path) || path === "compiler/kernel/functions.ts";
  const sources = product.filter(({ path }) => isBelow("compiler/kernel", path));
  const offers = sources.filter(isOffer).map(({ code }) => code.replace(/\/\/.*/g, ""));
  const others = sources.filter((source) => !isOffer(source));
  const offered = offers.join("\n");
  const asking = others.map(({ code }) => code.replace(/^export type .*?;$/gms, "")).join("\n");
  const isCalled = (name: string): boolean => new RegExp(`(?<!fn )\\b${name}\\(`).test(offered + asking);
  const isAskedFor = (name: string): boolean =>
    [`"${name}"`, `helper("${name.replace(/^math_/, "")}")`, `\`${name.replace(/_.*/, "")}_\${`].some((text) =>
      asking.includes(text),
    );
  const names = Array.from(offered.matchAll(/\bfn (\w+)\(/g), ([, name]) => name ?? "");
  return names.filter((name) => !isCalled(name) && !isAskedFor(name));
}

/** The names that belong to .lcomp files: the methods and architectures of the standard library, and what networks are made of. */
function reservedNames(): RegExp {
  const files = readdirSync(join(root, "stdlib"), { recursive: true, encoding: "utf8" });
  const texts = files
    .filter((file) => file.endsWith(".lcomp"))
    .map((file) => readFileSync(join(root, "stdlib", file), "utf8"));
  const methods = texts.flatMap((text) => [...text.matchAll(/^(?:method|arch) (\w+)/gm)].map(([, name]) => name));
  const known = [
    "llama",
    "wanda",
    "magnitude",
    "gptq",
    "sparsegpt",
    "softmax",
    "rms_?norm",
    "layer_?norm",
    "silu",
    "gelu",
    "rotary",
  ];
  // A word of every language, and a model type that says how its tokenizer is loaded.
  const names = [...new Set([...methods, ...known])].filter((name) => name !== "fit" && name !== "phi3");
  return new RegExp(`(?<![a-z])(?:${names.join("|")})(?![a-z])`, "gi");
}

suite("architecture", ({ test }) => {
  test("a layer imports only the layers below it", () => {
    const found = problems(product, function* (source) {
      for (const one of source.imports) {
        if (!isAllowed(source, one))
          yield `${source.path}:${one.line}: ${layerOf(source.path)} may not import ${one.from}`;
      }
    });
    assert.equal(found, []);
  });

  test("a stage of the compiler imports nouns of earlier stages, and only compile.ts calls verbs", () => {
    const found = problems(product, function* ({ path, imports }) {
      const stage = stageOf(path);
      if (stage !== undefined && ![...stages, "plan"].includes(stage))
        yield `${path}:1: ${stage} is no stage of this test's list`;
      for (const one of imports) {
        const problem = stageProblem(path, one);
        if (problem !== undefined) yield `${path}:${one.line}: ${problem}`;
      }
    });
    assert.equal(found, []);
  });

  test("no files import one another in a circle, of types too", () => {
    assert.equal(circlesAmong(product), []);
  });

  test("`lcomp check` loads nothing that comes behind a check, and nothing that opens models", () => {
    const behind = /^(compiler\/(compile|fuse|rewrite|schedule|memory|kernel)|runtime\/(gpu|run|store|tokenizer))\b/;
    const loaded = reachable(
      importsIn(product, ({ isType }) => !isType),
      "runtime/cli/check.ts",
    );
    assert.ok(loaded.has("compiler/check.ts"));
    assert.equal(
      [...loaded].filter((path) => behind.test(path)),
      [],
    );
  });

  test("what native code remarks is kept back of every command that reaches an adapter", () => {
    const text = readFileSync(join(root, "runtime/cli/commands.ts"), "utf8");
    const imports = importsIn(product, ({ isType }) => !isType);
    const using = [...text.matchAll(/^ {2}(\w+): \{\n[^}]*?import\("\.\/([\w-]+\.ts)"\)/gm)]
      .filter(([, , file]) => reachable(imports, `runtime/cli/${file}`).has("runtime/gpu/adapter.ts"))
      .map(([, name]) => name);
    const [, listed = ""] =
      /const isUsing = \[([^\]]*)\]/.exec(readFileSync(join(root, "runtime/cli/launch.mjs"), "utf8")) ?? [];
    assert.equal(using.sort(), [...listed.matchAll(/\w+/g)].map(([name]) => name).sort());
  });

  test("no file of language/ imports one that stands to its right in the picture of ARCHITECTURE.md", () => {
    const text = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
    const picture = /```\n( size ─[^`]*)```/.exec(text)?.[1] ?? "";
    const rows = picture.split("\n").flatMap((row) => [...row.matchAll(/[a-z]+/g)]);
    const columns = new Map(rows.map(({ 0: name, index }) => [`compiler/language/${name}.ts`, index]));
    const files = product.filter(({ path }) => path.startsWith("compiler/language/"));
    assert.equal([...columns.keys()].sort(), files.map(({ path }) => path).sort());
    const found = problems(files, function* ({ path, imports }) {
      for (const { from, line } of imports)
        if ((columns.get(from) ?? -1) >= (columns.get(path) ?? 0)) yield `${path}:${line}: ${from} stands to its right`;
    });
    assert.equal(found, []);
  });

  test("a file has at most 400 lines", () => {
    const found = problems(everything, function* ({ path, text }) {
      const lines = lineAt(text, text.length) - 1;
      if (lines > 400) yield `${path}:400: the file has ${lines} lines`;
    });
    assert.equal(found, []);
  });

  test("every export is imported somewhere, except a type that is part of another export", () => {
    const isImported = importedBy(everything);
    const found = problems(everything, function* (source) {
      for (const { name, isType, line } of source.exports) {
        const isPart = isType && usesOf(name, source) > 1;
        if (!isPart && !isImported(source, name))
          yield `${source.path}:${line}: ${name} is exported and never imported`;
      }
    });
    assert.equal(found, []);
  });

  test("the product uses all that it exports: what only tests need is in test/", () => {
    const isImported = importedBy(product);
    const found = problems(product, function* (source) {
      for (const { name, line } of source.exports) {
        const isUsed = usesOf(name, source) > 1 || isImported(source, name);
        if (isUsed === forTests.includes(`${source.path} ${name}`))
          yield `${source.path}:${line}: ${name} is ${isUsed ? "used, and listed as if it were not" : "used by tests alone"}`;
      }
    });
    assert.equal(found, []);
  });

  test("kernels call all functions that they are offered", () => {
    assert.equal(uncalledFunctions(), []);
  });

  test("no method, norm, activation or architecture has its name in TypeScript", () => {
    const names = reservedNames();
    assert.equal(
      problems(product, (source) => matches(source, names, "belongs in stdlib/")),
      [],
    );
  });

  test("no file is a heap of leftovers", () => {
    const found = problems(everything, function* ({ path }) {
      if (/(^|\/|-)(utils?|helpers?|common|shared|misc)\b|\/index\.\w+$/.test(path))
        yield `${path}:1: name it for the noun or verb inside`;
    });
    assert.equal(found, []);
  });

  test("nothing is left to be done, and no path of a machine is written down", () => {
    const found = problems(everything, function* ({ path, text }) {
      for (const { index, 0: word } of text.matchAll(/\b(?:TO[D]O|FIX[M]E|XX[X])\b|["'`(= ]\/(?:root|home|work)\//g)) {
        yield `${path}:${lineAt(text, index)}: ${word}`;
      }
    });
    assert.equal(found, []);
  });

  test("the top level is the one of ARCHITECTURE.md", () => {
    const found = readdirSync(root).filter(
      (name) => ![...topLevel, ...untracked].includes(name) && !name.endsWith(".tgz"),
    );
    assert.equal(found, []);
  });

  test("the licence is Apache-2.0", () => {
    assert.match(readFileSync(join(root, "LICENSE"), "utf8"), /Apache License\s+Version 2\.0, January 2004/);
  });
});
