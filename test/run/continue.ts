/** Models that continue texts, for tests. */
import { continuation, loadRecipe } from "../../compiler/compile.ts";
import type { Continuation, ContinuationSizes } from "../../compiler/plan/continuation.ts";
import { factsOf } from "../../runtime/cli/recipe.ts";
import type { Device } from "../../runtime/gpu/device.ts";
import { type Checkpoint, openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { openWriter, type TextWriter } from "../../runtime/run/continue-text.ts";
import { library } from "../given/library.ts";

const text = "recipe generate(model: Model) {\n}\n";
const loaded = loadRecipe(
  { ...library, read: (path) => (path === "generate" ? { path, text } : library.read(path)) },
  "generate",
);

/** How the model in a folder continues texts on a device. */
function continuationOf({ facts }: Pick<Device, "facts">, model: Checkpoint, sizes: ContinuationSizes): Continuation {
  const inputs = { parameters: new Map(), models: new Map([["model", factsOf(model)]]), corpora: new Map() };
  return continuation(loaded, inputs, facts, sizes);
}

interface Asked extends ContinuationSizes {
  readonly tokens: number;
}

/** The ids with which the model in a folder continues a prompt. */
export const continued = async (device: Device, folder: string, prompt: readonly number[], asked: Asked) =>
  writing(device, folder, asked, async ({ continueText }) => {
    const { ids } = await continueText(prompt, { tokens: asked.tokens, ends: new Set() });
    return ids;
  });

/** The ids with which it continues several, side by side. */
export const continuedTogether = async (
  device: Device,
  folder: string,
  prompts: readonly (readonly number[])[],
  asked: Asked & { readonly texts: number },
) =>
  writing(device, folder, asked, async ({ continueTexts }) => {
    const found = await continueTexts(prompts, { tokens: asked.tokens, ends: new Set() });
    return found.map(({ ids }) => ids);
  });

async function writing<T>(
  device: Device,
  folder: string,
  { tokens: _, ...sizes }: Asked,
  use: (writer: TextWriter) => Promise<T>,
): Promise<T> {
  const model = await openCheckpoint(folder);
  const made = continuationOf(device, model, sizes);
  const signal = new AbortController().signal;
  const models = new Map([["model", model]]);
  const writer = await openWriter(made, { device, models, progress: () => undefined, signal });
  try {
    const found = await use(writer);
    if (writer.gpuPeak() !== made.plan.peaks.gpu)
      throw new Error(`${writer.gpuPeak()} bytes were taken, and ${made.plan.peaks.gpu} were promised`);
    return found;
  } finally {
    writer.close();
  }
}
