/** Continues texts greedily: each token is the likeliest one behind those before it. Weights stay on the GPU from text to text. */
import { type Continuation, type TextStep, textBuffers } from "../../compiler/plan/continuation.ts";
import type { Loaded } from "../gpu/execute.ts";
import { UserError } from "../user-error.ts";
import { bindGiven } from "./run-step.ts";
import { openSession, type RunOptions, type Session } from "./session.ts";

export interface ContinueOptions {
  /** How many tokens are added at most, 1 or more. */
  readonly tokens: number;
  /** The tokens that end a text. */
  readonly ends: ReadonlySet<number>;
  /** Hears of each token that is added. */
  readonly onToken?: (id: number) => void;
}

export interface ContinuedText {
  /** What was added, without the token that ends the text. */
  readonly ids: readonly number[];
  /** Why no more was added: the text ended, it has the tokens that were asked for, or as many as the model reads. */
  readonly because: "end" | "tokens" | "context";
  /** Seconds until the first token was there, and from each to the next. */
  readonly seconds: readonly number[];
}

/** A model that continues texts, one after the other. */
export interface TextWriter {
  readonly continueText: (prompt: readonly number[], options: ContinueOptions) => Promise<ContinuedText>;
  readonly gpuPeak: () => number;
  readonly close: () => void;
}

/** A step with its program and where what it adds goes. */
interface Ready {
  readonly program: Loaded;
  readonly adds: readonly { readonly from: GPUBuffer; readonly to: GPUBuffer; readonly bytes: number }[];
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
    const next = await ready(continuation.next, continuation.chunk === 1 ? prompt : []);
    const writer = { session, continuation, buffers, prompt, next };
    return {
      continueText: (ids, asked) => continueText(writer, ids, asked),
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

interface Writing {
  readonly session: Session;
  readonly continuation: Continuation;
  readonly buffers: ReadonlyMap<string, GPUBuffer>;
  readonly prompt: readonly Ready[];
  readonly next: readonly Ready[];
}

async function continueText(
  writing: Writing,
  prompt: readonly number[],
  { tokens, ends, onToken }: ContinueOptions,
): Promise<ContinuedText> {
  const { capacity } = writing.continuation;
  if (prompt.length === 0 || prompt.length > capacity)
    throw new Error(`a prompt of ${prompt.length} tokens where ${capacity} fit`);
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

/** Runs the blocks on a prompt, piece by piece, and the head on its last token. */
function readPrompt({ session, continuation, buffers, prompt, next }: Writing, ids: readonly number[]): void {
  const { chunk } = continuation;
  for (let start = 0; start < ids.length; start += chunk) {
    const piece = new Int32Array(chunk);
    piece.set(ids.slice(start, start + chunk));
    session.pool.upload(named(buffers, chunk === 1 ? textBuffers.next : textBuffers.tokens), piece);
    pass(session, buffers, { steps: prompt, position: start, count: Math.min(chunk, ids.length - start) });
  }
  const { device, queue } = session.device;
  const encoder = device.createCommandEncoder();
  const [from, to] = [
    behindBlocks(continuation.prompt, buffers),
    behindBlocks(continuation.next.slice(0, -1), buffers),
  ];
  const place = (ids.length - 1) % chunk;
  if (from !== to) encoder.copyBufferToBuffer(from, place * to.size, to, 0, to.size);
  next.at(-1)?.program.record(encoder);
  queue.submit([encoder.finish()]);
}

/** Runs all on the token that was found last, which stands at that place of the text. */
const readToken = ({ session, buffers, next }: Writing, position: number): void =>
  pass(session, buffers, { steps: next, position, count: 1 });

interface Passing {
  readonly steps: readonly Ready[];
  readonly position: number;
  /** How many tokens there are; what else the programs read fills up, and is not kept. */
  readonly count: number;
}

function pass(
  { device: { device, queue }, pool }: Session,
  buffers: ReadonlyMap<string, GPUBuffer>,
  { steps, position, count }: Passing,
): void {
  pool.upload(named(buffers, textBuffers.position), Int32Array.of(position));
  const encoder = device.createCommandEncoder();
  for (const { program, adds } of steps) {
    program.record(encoder);
    for (const { from, to, bytes } of adds) encoder.copyBufferToBuffer(from, 0, to, position * bytes, count * bytes);
  }
  queue.submit([encoder.finish()]);
}

/** The buffer of what the last of these steps gives. */
const behindBlocks = (steps: readonly TextStep[], buffers: ReadonlyMap<string, GPUBuffer>): GPUBuffer =>
  named(buffers, steps.at(-1)?.outputs["x"] ?? "");

/** The token that the head has found: 4 bytes, for which all of the work is waited. */
async function follower({ session, buffers }: Writing): Promise<number> {
  session.signal.throwIfAborted();
  let id = Number.NaN;
  for await (const { piece } of session.readback.pieces(named(buffers, textBuffers.next), 4))
    id = new DataView(piece.buffer, piece.byteOffset).getInt32(0, true);
  if (id >= 0) return id;
  const [{ name = "the model" } = {}] = session.plan.models;
  throw new UserError(
    `${name} gives NaN or infinities for the token that comes next; its weights are too large or unsound`,
  );
}

function named(buffers: ReadonlyMap<string, GPUBuffer>, name: string): GPUBuffer {
  const found = buffers.get(name);
  if (found === undefined) throw new Error(`there is no buffer ${name}`);
  return found;
}
