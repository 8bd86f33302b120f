/** Continues several texts side by side: where one ends, the next prompt takes its place. */
import { ofTexts, textBuffers } from "../../compiler/plan/continuation.ts";
import {
  type ContinuedText,
  type ContinueOptions,
  follower,
  followers,
  named,
  pass,
  readPrompt,
  type Writing,
} from "./text-passes.ts";

type Continued = Omit<ContinuedText, "seconds">;

/** A text that goes on. */
interface Going {
  /** Its place among the prompts. */
  readonly prompt: number;
  /** How many tokens of it have passed. */
  position: number;
  readonly ids: number[];
}

interface Work {
  readonly writing: Writing;
  readonly prompts: readonly (readonly number[])[];
  readonly options: Omit<ContinueOptions, "onToken">;
  /** The places of prompts that nothing was read of. */
  readonly waiting: number[];
  readonly done: Map<number, Continued>;
}

/** In the order of the prompts. */
export async function continueTexts(
  writing: Writing,
  prompts: readonly (readonly number[])[],
  options: Omit<ContinueOptions, "onToken">,
): Promise<readonly Continued[]> {
  const work: Work = { writing, prompts, options, waiting: [...prompts.keys()], done: new Map() };
  const places = new Array<Going | undefined>(writing.continuation.texts ?? 0).fill(undefined);
  for (;;) {
    for (const place of places.keys()) places[place] ??= await begun(work, place);
    if (places.every((text) => text === undefined)) break;
    for (const [place, id] of (await passAll(writing, places)).entries()) {
      const text = places[place];
      if (text === undefined) continue;
      text.position += 1;
      if (!goesOn(work, text, id)) places[place] = undefined;
    }
  }
  return prompts.flatMap((_, i) => work.done.get(i) ?? []);
}

/** The next text that has more than one token to come, at that place; undefined where there is none. */
async function begun(work: Work, place: number): Promise<Going | undefined> {
  const { writing, prompts, waiting } = work;
  for (let prompt = waiting.shift(); prompt !== undefined; prompt = waiting.shift()) {
    const ids = prompts[prompt] ?? [];
    readPrompt(writing, ids);
    const text: Going = { prompt, position: ids.length, ids: [] };
    if (!goesOn(work, text, await follower(writing))) continue;
    keep(writing, place);
    return text;
  }
  return undefined;
}

/** Takes a token to its text, which is done where that is the last. */
function goesOn({ writing, options, done }: Work, { prompt, position, ids }: Going, id: number): boolean {
  const isEnd = options.ends.has(id);
  if (!isEnd) ids.push(id);
  const isFull = position === writing.continuation.capacity;
  const because = isEnd ? "end" : ids.length === options.tokens ? "tokens" : isFull ? "context" : null;
  if (because !== null) done.set(prompt, { ids, because });
  return because === null;
}

/** Puts what is kept of the text that was read last at a place among the others. */
function keep({ session: { device }, buffers }: Writing, place: number): void {
  const encoder = device.device.createCommandEncoder();
  for (const [name, from] of buffers) {
    const to = buffers.get(ofTexts(name));
    if (to !== undefined) encoder.copyBufferToBuffer(from, 0, to, place * from.size, from.size);
  }
  device.queue.submit([encoder.finish()]);
}

/** Runs all on the last token of each text, and finds what follows; a place without a text takes in some token, and is overwritten. */
function passAll(writing: Writing, places: readonly (Going | undefined)[]): Promise<readonly number[]> {
  const last = Int32Array.from(places, (text) => text?.ids.at(-1) ?? 0);
  writing.session.pool.upload(named(writing.buffers, textBuffers.nexts), last);
  const positions = places.map((text) => text?.position ?? 0);
  pass(writing, { steps: writing.together, positions, count: 1, at: textBuffers.positions });
  return followers(writing, textBuffers.nexts, places.length);
}
