/** What npm would publish, installed in an empty folder. It takes packages from the registry, hence in CI alone. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { root } from "../repository/sources.ts";

const sources = [
  "grammar",
  "compiler",
  "runtime",
  "stdlib",
  "examples",
  "docs",
  "package.json",
  "tsconfig.json",
  "LICENSE",
];

/** What a command writes to stdout, ended with 0. */
function end(folder: string, program: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: folder, encoding: "utf8" });
  assert.is(status, 0, `${program} ${args.join(" ")}: ${error?.message ?? ""}${stdout}${stderr}`);
  return stdout;
}

/** Why the package cannot be tried here; null if it can. */
function reasonAgainst(): string | null {
  if (!process.env["CI"]) return "it downloads packages, which only CI does";
  const { status } = spawnSync("npm", ["view", "yargs", "version", "--loglevel=error"], { timeout: 30_000 });
  return status === 0 ? null : "npm reaches no registry";
}

/** Packs a copy of the sources, since packing writes among them. */
function packed(folder: string): string {
  const copy = join(folder, "sources");
  mkdirSync(copy);
  for (const name of sources) cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  const lines = end(copy, "npm", "pack", "--silent", "--pack-destination", folder).trimEnd().split("\n");
  return join(folder, lines.at(-1) ?? "");
}

const recipe = `import { wanda } from "std/prune/wanda"
import { perplexity } from "std/evaluate"

recipe small(model: Model, text: Corpus, sparsity: Sparsity = 50%) {
  let some = text.train.sample(2, length: 64, seed: 0)
  stage sparse = wanda(sparsity) of model over some for linear except lm_head
  report perplexity(sparse, text.test, 128)
  save sparse as "huggingface"
}
`;

suite("package", ({ test, skip }) => {
  const title = "npm pack, installed in an empty folder, runs npx lcomp doctor, check and run";
  const reason = reasonAgainst();
  if (reason !== null) skip(title, reason);
  else
    test(
      title,
      inFolder(async (folder) => {
        const tarball = packed(folder);
        const home = join(folder, "home");
        mkdirSync(home);
        writeFileSync(join(home, "package.json"), '{ "name": "home", "private": true }\n');
        const quiet = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
        end(home, "npm", "install", ...quiet, tarball);
        const example = join(home, "node_modules/lcomp/examples");
        const files = readdirSync(join(home, "node_modules/lcomp"));
        assert.equal(files.filter((name) => !["README.md", "node_modules"].includes(name)).sort(), [
          "LICENSE",
          "dist",
          "docs",
          "examples",
          "package.json",
          "runtime",
          "stdlib",
        ]);
        writeFileSync(join(home, "small.lcomp"), recipe);
        writeFileSync(
          join(home, "text.jsonl"),
          readFileSync(join(example, "world/test.jsonl"), "utf8").slice(0, 20_000),
        );
        const lines = readFileSync(join(home, "text.jsonl"), "utf8").split("\n").slice(0, -1);
        writeFileSync(join(home, "text.jsonl"), lines.join("\n"));
        assert.match(end(home, "npx", "lcomp", "doctor"), /\S/);
        assert.is(end(home, "npx", "lcomp", "check", "small.lcomp"), "small.lcomp: no problems\n");
        const given = ["--model", join(example, "tiny"), "--text", "text.jsonl", "--out", "out", "--json", "--quiet"];
        const report = JSON.parse(end(home, "npx", "lcomp", "run", "small.lcomp", ...given));
        assert.ok(report.measures.perplexity.sparse < 2, JSON.stringify(report));
        assert.ok(readdirSync(join(home, "out")).includes("model.safetensors"));
      }),
    );
});
