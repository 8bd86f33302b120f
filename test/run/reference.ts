/** What the reference tests compare with: files of ../shared, and its evaluation in NumPy. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { main } from "../cli/lcomp.ts";
import { root } from "../repository/sources.ts";

export const shared = join(root, "../shared");

/** Why these tests cannot run here; null if they can. */
export const sharedReason = existsSync(shared) ? null : "../shared is absent";

/** Debian's python3 has NumPy where another, which comes first on the path, has not. */
export const python = ["python3", "/usr/bin/python3"].find(
  (path) => spawnSync(path, ["-c", "import numpy"], { stdio: "ignore" }).status === 0,
);

export const pythonReason = (): string | null => (python === undefined ? "there is no python3 with numpy" : null);

interface Reference {
  readonly prompt_ids: readonly number[];
  readonly last_logits: readonly number[];
  readonly greedy_ids_64: readonly number[];
}

export const reference = (model: string): Reference =>
  JSON.parse(readFileSync(join(shared, "models", model, "reference.json"), "utf8")) as Reference;

interface Loss {
  readonly mean_nll: number;
  readonly standard_error: number;
  readonly windows: number;
  readonly tokens: number;
}

/** hf_eval.py on a model and a text, both named from the folder. */
export function oracle(folder: string, model: string, text: string, length: number): Loss {
  const ids = join(folder, "ids.json");
  const named = [model, text].map((path) => resolve(folder, path));
  end(root, process.execPath, join(shared, "tools/encode.mjs"), ...named, ids);
  return JSON.parse(end(folder, python ?? "", join(shared, "tools/hf_eval.py"), model, ids, String(length))) as Loss;
}

/** What `lcomp` writes to stdout, ended with 0. */
export const lcomp = (folder: string, ...args: readonly string[]): string =>
  end(folder, process.execPath, main, ...args);

function end(folder: string, program: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${status}: ${stderr}`);
  return stdout;
}
