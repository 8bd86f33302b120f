/** Recipes in texts, run on a model in a folder and on given token ids. */
import { loadRecipe, plan } from "../../compiler/compile.ts";
import { type Device, openDevice } from "../../runtime/gpu/device.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import type { OutputFolder } from "../../runtime/io/output-folder.ts";
import type { RunResult } from "../../runtime/run/result.ts";
import { writeFolder } from "../io/folder.ts";
import { hostWith } from "../language/run.ts";
import { runOnTokens, type Tokens } from "../run/tokens.ts";

let device: Promise<Device> | undefined;

/** Ends the process's device; a test file's last act. */
export async function closeTokens(): Promise<void> {
  (await device)?.close();
}

/** Runs a recipe with the parameters `model` and `text`; what it saves goes to `out`. */
export async function runText(source: string, folder: string, tokens: Tokens, out?: string): Promise<RunResult> {
  device ??= openDevice();
  const opened = await device;
  const model = await openCheckpoint(folder);
  const { config, tensors } = model;
  const { train = [], test = [] } = tokens;
  const inputs = {
    parameters: new Map(),
    models: new Map([["model", { name: "model", config, tensors }]]),
    corpora: new Map([["text", { tokens: { train: train.length, test: test.length } }]]),
  };
  const made = plan(loadRecipe(hostWith({ "own.lcomp": source }), "own.lcomp"), inputs, opened.facts);
  const run = (output: OutputFolder | null): Promise<RunResult> => runOnTokens(opened, made, model, tokens, output);
  return out === undefined ? run(null) : writeFolder(out, run);
}
