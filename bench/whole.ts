/** Whole models through the command line, beside llama.cpp's own quantiser: seconds of processes, not of kernels. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, globSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { UserError } from "../runtime/user-error.ts";
import { writeNoise } from "../test/given/model-folder.ts";
import type { Blas } from "./blas.ts";
import type { Measured } from "./measure.ts";
import { cache } from "./peers.ts";

/** A line that is measured by what processes take. */
export interface WholeLine {
  readonly name: string;
  readonly least: number;
  readonly measure: (blas: Blas, rounds: number) => Promise<Measured>;
}

/** Layers of 51 million weights. */
const layers = 20;
const sizes = { hidden_size: 2048, intermediate_size: 5632, num_attention_heads: 16, num_key_value_heads: 16 };
const config = { ...sizes, num_hidden_layers: layers, max_position_embeddings: 512 };
const folder = join(cache, "whole");
const model = join(folder, "model");

/** Rounds to the nearest code and saves, or does not; `quantiser`: beside llama.cpp, on the same weights. */
export function wholeLine(
  name: string,
  recipe: string,
  options: { readonly least: number; readonly quantiser?: true },
): WholeLine {
  const { least, quantiser } = options;
  return {
    name,
    least,
    measure: async (blas, most) => {
      mkdirSync(folder, { recursive: true });
      await prepareModel();
      if (quantiser) await prepareQuantiser(blas);
      const [ours, theirs]: [number[], number[]] = [[], []];
      for (let round = 0; round < Math.min(most, 5); round++) {
        ours.push(await blas.command(lcomp(recipe, output("ours"))));
        if (quantiser) theirs.push(await blas.command(["python3", program, libraries(), dense, output("theirs.gguf")]));
      }
      const weights = join(model, "model.safetensors");
      return {
        line: { name, least },
        ours,
        peers: quantiser ? [{ name: "llama.cpp", taken: theirs }] : [],
        ...{ shared: undefined, blas: undefined, beside: undefined },
        work: { bytes: statSync(weights).size, operations: 0 },
      };
    },
  };
}

const output = (name: string): string => join(folder, name);

const dense = join(output("dense"), "model.gguf");
const program = join(import.meta.dirname, "quantise.py");
const entry = join(import.meta.dirname, "..", "runtime", "cli", "launch.mjs");

function lcomp(recipe: string, out: string): readonly string[] {
  const path = output(`${recipe}.lcomp`);
  writeFileSync(path, recipes[recipe] ?? "");
  return [process.execPath, entry, "run", path, "--model", model, "--out", out, "--quiet", "--force"];
}

const recipes: Readonly<Record<string, string>> = {
  dense: 'recipe dense(model: Model) {\n  save model as "gguf"\n}\n',
  q4_0: `import { q4_0 } from "std/quantize/ggml"
recipe rounded(model: Model) {
  stage small = q4_0() of model for linear except lm_head
  save small as "gguf"
}
`,
  rtn: `import { rtn } from "std/quantize/rtn"
recipe rounded(model: Model) {
  stage small = rtn(4, every: 128) of model for linear except lm_head
  save small as "lcomp"
}
`,
};

/** The model, written once. */
async function prepareModel(): Promise<void> {
  if (existsSync(model)) return;
  console.error("Writing a model of 2 GB into .cache/bench …");
  const unfinished = output("unfinished");
  rmSync(unfinished, { recursive: true, force: true });
  await writeNoise(unfinished, { config });
  renameSync(unfinished, model);
}

/** llama.cpp, from the package that the peer checks take, and the model as its file. */
async function prepareQuantiser(blas: Blas): Promise<void> {
  const place = output("llama_cpp");
  if (!existsSync(join(place, "node_modules"))) {
    console.error("Installing llama.cpp into .cache/bench …");
    cpSync(join(import.meta.dirname, "..", "test", "peers", "llama_cpp"), place, { recursive: true });
    const args = ["install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"];
    const { status, error, stdout, stderr } = spawnSync("npm", args, { cwd: place, encoding: "utf8" });
    if (status !== 0) throw new UserError(`llama.cpp cannot be installed: ${error?.message ?? `${stdout}${stderr}`}`);
  }
  if (!existsSync(dense)) await blas.command(lcomp("dense", output("dense")));
}

/** The folder of llama.cpp's libraries for this machine. */
function libraries(): string {
  const pattern = join(
    output("llama_cpp"),
    `node_modules/@node-llama-cpp/${process.platform}-${process.arch}/bins/*/libllama.*`,
  );
  const [found] = globSync(pattern.replaceAll("\\", "/"));
  if (found === undefined) throw new UserError("llama.cpp's package has no library for this machine");
  return dirname(found);
}
