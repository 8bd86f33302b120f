/** Continues texts greedily: each token is the likeliest one behind those before it. Weights stay on the GPU from text to text. */
import { type Continuation, type TextStep, textBuffers } from "../../compiler/plan/continuation.ts";
import { continueTexts } from "./continue-texts.ts";
import { bindGiven } from "./run-step.ts";
import { openSession, type RunOptions, type Session } from "./session.ts";
import {
  type ContinuedText,
  type ContinueOptions,
  follower,
  named,
  pass,
  type Ready,
  readPrompt,
  type Writing,
} from "./text-passes.ts";

/** A model that continues texts, several of them side by side where its continuation is made for that. */
export interface TextWriter {
  readonly continueText: (prompt: readonly number[], options: ContinueOptions) => Promise<ContinuedText>;
  readonly continueTexts: (
    prompts: readonly (readonly number[])[],
    options: Omit<ContinueOptions, "onToken">,
  ) => Promise<readonly Omit<ContinuedText, "seconds">[]>;
  readonly gpuPeak: () => number;
  readonly close: () => void;
}

/** Puts a model's weights on the GPU, and all that lies there while texts are continued. */
export async function openWriter(
  continuation: Continuation,
  options: Omit<RunOptions, "corpora" | "output">,
): Promise<TextWriter> {
  const session = await openSession(continuation.plan, { ...options, corpora: new Map(), output: null });
  try {
    const buffers = new Map<string, GPUBuffer>();
    for (const [name, bytes] of Object.entries(continuation.buffers))
      buffers.set(name, await session.pool.acquire(bytes, name));
    const ready = async (steps: readonly TextStep[], others: readonly Ready[] = []): Promise<readonly Ready[]> => {
      const made: Ready[] = [];
      for (const [i, step] of steps.entries()) made.push(others[i] ?? (await readyStep(session, step, buffers)));
      return made;
    };
    const prompt = await ready(continuation.prompt);
    const isOneByOne = continuation.chunk === 1 && continuation.texts === undefined;
    const next = await ready(continuation.next, isOneByOne ? prompt : []);
    const together = await ready(continuation.together);
    const writer = { session, continuation, buffers, prompt, next, together };
    return {
      continueText: (ids, asked) => continueText(writer, ids, asked),
      continueTexts: async (prompts, asked) => {
        if (continuation.texts !== undefined) return continueTexts(writer, prompts, asked);
        const texts: ContinuedText[] = [];
        for (const ids of prompts) texts.push(await continueText(writer, ids, asked));
        return texts;
      },
      gpuPeak: session.gpuPeak,
      close: session.close,
    };
  } catch (error) {
    session.close();
    throw error;
  }
}

async function readyStep(
  session: Session,
  { step, data, outputs, adds }: TextStep,
  buffers: ReadonlyMap<string, GPUBuffer>,
): Promise<Ready> {
  const planned = session.plan.steps[step];
  if (planned === undefined) throw new Error(`the plan has no step ${step}`);
  const { layer, what } = planned.part;
  session.progress({ step, what: layer === null ? what : `block ${layer}`, done: 0 });
  const program = await session.load(planned.program);
  await bindGiven(session, program, planned);
  for (const [slot, name] of Object.entries(data)) program.bind("data", slot, named(buffers, name));
  for (const [slot, name] of Object.entries(outputs)) program.bind("output", slot, named(buffers, name));
  program.setup();
  await session.pace();
  return {
    program,
    adds: adds.map(({ from, to, bytes }) => ({ from: named(buffers, from), to: named(buffers, to), bytes })),
  };
}

async function continueText(
  writing: Writing,
  prompt: readonly number[],
  { tokens, ends, onToken }: ContinueOptions,
): Promise<ContinuedText> {
  const { capacity, texts } = writing.continuation;
  if (texts !== undefined) throw new Error("a text by itself where several go on side by side");
  const ids: number[] = [];
  const seconds: number[] = [];
  let since = performance.now();
  const done = (because: ContinuedText["because"]): ContinuedText => ({ ids, because, seconds });
  readPrompt(writing, prompt);
  for (;;) {
    const id = await follower(writing);
    const now = performance.now();
    seconds.push((now - since) / 1000);
    since = now;
    if (ends.has(id)) return done("end");
    ids.push(id);
    const position = prompt.length + ids.length - 1;
    const because = ids.length === tokens ? "tokens" : position === capacity ? "context" : undefined;
    if (because === undefined) readToken(writing, position);
    onToken?.(id); // while the GPU works
    if (because !== undefined) return done(because);
  }
}

/** Runs all on the token that was found last, which stands at that place of the text. */
const readToken = (writing: Writing, position: number): void =>
  pass(writing, { steps: writing.next, positions: [position], count: 1, at: textBuffers.position });
