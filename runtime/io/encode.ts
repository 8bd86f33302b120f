/**
 * Texts become token ids in a thread of their own: the main thread stays free to hear an interrupt, and to end a regular
 * expression of a stranger's tokenizer that would go on for ever.
 */
import type { Split } from "../../compiler/plan/plan.ts";
import { inThread } from "../thread.ts";
import { UserError } from "../user-error.ts";
import type { Corpus } from "./corpus.ts";
import type { EncodedTask, TaskRequest } from "./tasks/encode.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** A text to be read: a file or a folder, and which of its files. */
export interface TextRequest {
  readonly text: string;
  readonly split: Split;
}

/** What the thread is given. */
export interface Order {
  /** The model's folder. */
  readonly folder: string;
  readonly requests: readonly TextRequest[];
  readonly tasks: readonly TaskRequest[];
  /** Texts that are to be continued. */
  readonly prompts: readonly string[];
  /** Shared with the thread, which writes there how far it is, at the places that follow. */
  readonly state: Float64Array<SharedArrayBuffer>;
}

/** Which request is being read, tasks behind texts and prompts behind tasks, which of its lines (0: all of them), the share that is done, and how often any of this was written. */
export const place = { request: 0, line: 1, done: 2, beats: 3 } as const;

/** What the thread tells: what it has read, or what is wrong. */
export type News =
  | {
      readonly kind: "done";
      readonly corpora: readonly Corpus[];
      readonly tasks: readonly EncodedTask[];
      readonly prompts: readonly Int32Array[];
      readonly tokenizer: Pick<Tokenizer, "notes" | "files">;
    }
  | { readonly kind: "refused"; readonly message: string };

export interface EncodeOptions {
  readonly signal: AbortSignal;
  /** Hears the share of a request that is done, 0 to 1. */
  readonly onProgress: (request: number, done: number) => void;
  /** Seconds without progress after which a text is given up. */
  readonly patience?: number;
}

export interface Encoded {
  /** In the order of the requests. */
  readonly corpora: readonly Corpus[];
  readonly tasks: readonly EncodedTask[];
  readonly prompts: readonly Int32Array[];
  readonly tokenizer: Pick<Tokenizer, "notes" | "files">;
}

/** Milliseconds between two looks at how far the thread is. */
const glance = 50;

/** Reads texts, tasks and prompts with the tokenizer of a model folder. */
export async function encodeTexts(
  { folder, requests = [], tasks = [], prompts = [] }: Pick<Order, "folder"> & Partial<Omit<Order, "folder" | "state">>,
  options: EncodeOptions,
): Promise<Encoded> {
  const { signal, onProgress, patience = 30 } = options;
  const state = new Float64Array(new SharedArrayBuffer(8 * Object.keys(place).length));
  const workerData: Order = { folder, requests, tasks, prompts, state };
  const givenUp = new AbortController();
  let [beats, since] = [0, performance.now()];
  const timer = setInterval(() => {
    const now = performance.now();
    if (beats !== state[place.beats]) {
      [beats, since] = [state[place.beats] ?? 0, now];
      onProgress(state[place.request] ?? 0, state[place.done] ?? 0);
    } else if (beats > 0 && now - since > patience * 1000) givenUp.abort(stuck(workerData, patience));
  }, glance);
  try {
    return await inThread<News, Encoded>(import.meta, "encode-worker", workerData, {
      signal: AbortSignal.any([signal, givenUp.signal]),
      hear: async (news) => {
        if (news.kind === "refused") throw new UserError(news.message);
        return news;
      },
    });
  } finally {
    clearInterval(timer);
  }
}

function stuck({ folder, requests, tasks, prompts, state }: Order, patience: number): UserError {
  const texts = requests.map(({ text, split }) => (/\.(txt|jsonl)$/.test(text) ? text : `${text}, ${split}`));
  const line = state[place.line] ?? 0;
  const sources = [...texts, ...tasks.map(({ task }) => task), ...prompts.map((_, i) => `prompt ${i + 1}`)];
  const source = sources[state[place.request] ?? 0] ?? "";
  const where = `${source}${line > 0 ? `, line ${line}` : ""}`;
  return new UserError(
    `the tokenizer in ${folder} has made no progress for ${patience} s at ${where}: a regular expression of its tokenizer.json does not come to an end there; use another tokenizer, or a text without this place`,
  );
}
