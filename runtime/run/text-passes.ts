/** What is done to continue texts, pass by pass: prompts are read, tokens are taken in, and those that follow come back. */
import { type Continuation, textBuffers } from "../../compiler/plan/continuation.ts";
import type { Loaded } from "../gpu/execute.ts";
import { UserError } from "../user-error.ts";
import type { Session } from "./session.ts";

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

/** A step with its program and where what it adds goes. */
export interface Ready {
  readonly program: Loaded;
  readonly adds: readonly { readonly from: GPUBuffer; readonly to: GPUBuffer; readonly bytes: number }[];
}

export interface Writing {
  readonly session: Session;
  readonly continuation: Continuation;
  readonly buffers: ReadonlyMap<string, GPUBuffer>;
  readonly prompt: readonly Ready[];
  readonly next: readonly Ready[];
  readonly together: readonly Ready[];
}

/** Runs the blocks on a prompt, piece by piece, and the head on its last token. */
export function readPrompt({ session, continuation, buffers, prompt, next }: Writing, ids: readonly number[]): void {
  const { chunk, capacity } = continuation;
  if (ids.length === 0 || ids.length > capacity)
    throw new Error(`a prompt of ${ids.length} tokens where ${capacity} fit`);
  for (let start = 0; start < ids.length; start += chunk) {
    const piece = new Int32Array(chunk);
    piece.set(ids.slice(start, start + chunk));
    session.pool.upload(named(buffers, chunk === 1 ? textBuffers.next : textBuffers.tokens), piece);
    const count = Math.min(chunk, ids.length - start);
    pass({ session, continuation, buffers }, { steps: prompt, positions: [start], count, at: textBuffers.position });
  }
  const { device, queue } = session.device;
  const encoder = device.createCommandEncoder();
  const from = named(buffers, continuation.prompt.at(-1)?.outputs["x"] ?? "");
  const to = named(buffers, continuation.next.at(-1)?.data["x"] ?? "");
  const place = (ids.length - 1) % chunk;
  if (from !== to) encoder.copyBufferToBuffer(from, place * to.size, to, 0, to.size);
  next.at(-1)?.program.record(encoder);
  queue.submit([encoder.finish()]);
}

interface Passing {
  readonly steps: readonly Ready[];
  /** Of each text. */
  readonly positions: readonly number[];
  /** How many tokens there are of each; what else the programs read fills up, and is not kept. */
  readonly count: number;
  /** The buffer of positions. */
  readonly at: string;
}

export function pass(
  { session, continuation: { capacity }, buffers }: Pick<Writing, "session" | "continuation" | "buffers">,
  { steps, positions, count, at }: Passing,
): void {
  const {
    device: { device, queue },
    pool,
  } = session;
  pool.upload(named(buffers, at), Int32Array.from(positions));
  const encoder = device.createCommandEncoder();
  for (const { program, adds } of steps) {
    program.record(encoder);
    for (const { from, to, bytes } of adds)
      for (const [text, position] of positions.entries())
        encoder.copyBufferToBuffer(from, text * bytes, to, (text * capacity + position) * bytes, count * bytes);
  }
  queue.submit([encoder.finish()]);
}

/** The token that the head has found: 4 bytes, for which all of the work is waited. */
export const follower = async (writing: Writing): Promise<number> =>
  (await followers(writing, textBuffers.next, 1))[0] ?? Number.NaN;

/** Those that it has found of several texts; what is -1 is no token. */
export async function followers(
  { session, buffers }: Writing,
  buffer: string,
  count: number,
): Promise<readonly number[]> {
  session.signal.throwIfAborted();
  const ids: number[] = [];
  for await (const { piece } of session.readback.pieces(named(buffers, buffer), 4 * count)) {
    const view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
    for (let at = 0; at < piece.byteLength; at += 4) ids.push(view.getInt32(at, true));
  }
  if (ids.every((id) => id >= 0)) return ids;
  const [{ name = "the model" } = {}] = session.plan.models;
  throw new UserError(
    `${name} gives NaN or infinities for the token that comes next; its weights are too large or unsound`,
  );
}

export function named(buffers: ReadonlyMap<string, GPUBuffer>, name: string): GPUBuffer {
  const found = buffers.get(name);
  if (found === undefined) throw new Error(`there is no buffer ${name}`);
  return found;
}
