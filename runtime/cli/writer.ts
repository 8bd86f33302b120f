/** A model that the command line names, ready to continue texts. */
import { showBytes } from "../../compiler/plan/bytes.ts";
import type { Continuation } from "../../compiler/plan/continuation.ts";
import { demandedAdapter, describeAdapter } from "../gpu/adapter.ts";
import { type Device, openDevice } from "../gpu/device.ts";
import { loadTokenizer, type Tokenizer } from "../io/tokenizer.ts";
import { openWriter, type TextWriter } from "../run/continue-text.ts";
import { requireMemory } from "../run/run-plan.ts";
import { UserError } from "../user-error.ts";
import { budgetOf } from "./budget.ts";
import { roomFor, withoutGpu } from "./carry-out.ts";
import { type Flags, given } from "./flags.ts";
import { entryOf } from "./host.ts";
import { continuationInThread } from "./plan-thread.ts";
import { progressLine } from "./progress.ts";
import { openRecipe, recipeOf } from "./recipe.ts";
import { contextOf, encodePrompts } from "./texts.ts";

/** A text to be continued, and by how many tokens at most. */
export interface Prompt {
  readonly text: string;
  /** What messages call it: `the prompt`, `facts.jsonl, line 3,`. */
  readonly name: string;
}

export interface Writing {
  readonly writer: TextWriter;
  readonly tokenizer: Pick<Tokenizer, "decode">;
  /** The ids of the prompts. */
  readonly prompts: readonly (readonly number[])[];
  readonly ends: ReadonlySet<number>;
  readonly notes: readonly string[];
  /** The adapter, as people read it. */
  readonly adapter: string;
  /** What the kernels of one token move, to and from the GPU's memory: at least so much. */
  readonly bytesPerToken: number;
}

/** Prompts are read in pieces of at most so many tokens. */
const mostChunk = 64;

/** Texts have room for so many tokens, or a multiple, so that there are not many programs. */
const roundedTo = 64;

const recipe = entryOf("generate", "recipe generate(model: Model) {\n}\n");

/** Puts the model of a flag on a GPU for as long as `use` takes, with the prompts as its tokens. */
export async function writing<T>(
  asked: {
    readonly flags: Flags;
    readonly model: string;
    readonly prompts: readonly Prompt[];
    readonly tokens: number;
    /** How many texts go on side by side, if there is room for what is kept of them; without it one after the other. */
    readonly texts?: number;
  },
  signal: AbortSignal,
  use: (writing: Writing) => Promise<T>,
): Promise<T> {
  const { flags, model: path } = asked;
  const open = await openRecipe(recipeOf(recipe, given(flags, "arch")), { ...flags, model: path });
  const [model] = [...open.models.values()];
  if (model === undefined) throw new Error("there is no model that continues");
  const isQuiet = flags["quiet"] === true;
  const line = progressLine(isQuiet);
  try {
    line.expect([
      { title: "compile", work: null },
      { title: "load", work: null },
    ]);
    const read = await encodePrompts(
      asked.prompts.map(({ text }) => text),
      [model],
      { signal, note: line.say },
    );
    const context = contextOf([model]);
    for (const [i, ids] of read.prompts.entries()) requireRoom(asked.prompts[i], ids, context);
    const tokenizer = await loadTokenizer(model.folder);
    const longest = Math.max(...read.prompts.map((ids) => ids.length));
    const sizes = { capacity: capacityFor(longest + asked.tokens - 1, context), chunk: chunkFor(longest) };
    const device = await openDevice();
    try {
      if (!isQuiet && demandedAdapter() === undefined && device.facts.software) line.say(withoutGpu);
      const graphs = { done: 0 };
      const onGraph = (): void => line.show({ step: 0, done: Math.min(1, ++graphs.done / 5), where: [] });
      const make = (texts?: number): Promise<Continuation> => {
        const order = { loaded: open.loaded, inputs: open.inputs, facts: device.facts, sizes: { ...sizes, texts } };
        return continuationInThread(order, { signal, onGraph, shown: open.shown });
      };
      const limit = budgetOf(flags).gpu;
      const texts = Math.min(asked.texts ?? 1, read.prompts.length);
      const wide = texts > 1 ? await make(texts) : null;
      const made = wide && (await fits(device, wide.plan, limit)) ? wide : await make();
      await requireFit(device, made.plan, { limit, model: path });
      const steps = made.plan.steps.length;
      const writer = await openWriter(made, {
        ...{ device, models: open.models, signal, gpuMemory: limit },
        progress: ({ step, what }) => line.show({ step: 1, done: step / steps, where: [what] }),
      });
      line.end();
      try {
        const notes = [...open.outlined.notes.map(({ title }) => title), ...read.notes];
        const ends = new Set(await tokenizer.ends());
        const machine = { adapter: describeAdapter(device.adapterInfo), bytesPerToken: bytesPerToken(made) };
        return await use({ writer, tokenizer, prompts: read.prompts, ends, notes, ...machine });
      } finally {
        writer.close();
      }
    } finally {
      device.close();
    }
  } finally {
    line.end();
  }
}

/** Of what a token passes behind the first. */
function bytesPerToken({ plan, next }: Continuation): number {
  const used = next.map(({ step }) => plan.steps[step]?.program);
  const moved = plan.programs.map(({ name, main }) => {
    const times = used.filter((program) => program === name).length;
    return times * main.reduce((sum, { bytesMoved }) => sum + bytesMoved, 0);
  });
  return moved.reduce((sum, each) => sum + each, 0);
}

function requireRoom(prompt: Prompt | undefined, ids: readonly number[], context: number | null): void {
  if (context === null || ids.length <= context) return;
  throw new UserError(
    `${prompt?.name ?? "a prompt"} has ${ids.length} tokens, and the model reads ${context} at once; give a shorter one`,
  );
}

const capacityFor = (tokens: number, context: number | null): number =>
  Math.max(2, Math.min(context ?? Number.POSITIVE_INFINITY, Math.ceil(tokens / roundedTo) * roundedTo));

/** As many tokens at once as the longest prompt has, up to the next power of two. */
const chunkFor = (longest: number): number => Math.min(mostChunk, 2 ** Math.ceil(Math.log2(longest)));

type Sized = Parameters<typeof requireMemory>[0] & Parameters<typeof roomFor>[1];

const roomIn = async (device: Device, plan: Sized, limit: number): Promise<number> =>
  Math.min(limit, await roomFor(device, plan, limit));

async function fits(device: Device, plan: Sized, limit: number): Promise<boolean> {
  const { gpu, host } = plan.peaks;
  const isInHost = host + (device.facts.software ? gpu : 0) <= process.availableMemory();
  return isInHost && gpu <= (await roomIn(device, plan, limit));
}

/** Refuses before weights are read what would not fit. */
async function requireFit(
  device: Device,
  plan: Sized,
  { limit, model }: { readonly limit: number; readonly model: string },
): Promise<void> {
  requireMemory(plan, device, "use a smaller model, or fewer tokens");
  const { gpu } = plan.peaks;
  const room = await roomIn(device, plan, limit);
  if (gpu <= room) return;
  const sizes = `${showBytes(gpu)} of the GPU's memory, and ${showBytes(room)} are there`;
  throw new UserError(
    `to continue texts, all of ${model} lies on the GPU at once: it takes ${sizes}; use a smaller model, or fewer tokens`,
  );
}
