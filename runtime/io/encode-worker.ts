/** The thread that `encode.ts` starts. */
import { parentPort, workerData } from "node:worker_threads";
import { UserError } from "../user-error.ts";
import { type Corpus, loadCorpus, splitPath } from "./corpus.ts";
import { type News, type Order, place } from "./encode.ts";
import { loadTokenizer } from "./tokenizer.ts";

const tell = (news: News, memory: ArrayBuffer[] = []): void => parentPort?.postMessage(news, memory);

async function work({ folder, requests, state }: Order): Promise<void> {
  const tokenizer = await loadTokenizer(folder);
  const read = new Map<string, Corpus>();
  const corpora: Corpus[] = [];
  for (const [request, { text, split }] of requests.entries()) {
    const path = await splitPath(text, split);
    const onText = (done: number, line: number): void =>
      state.set([request, line, done, (state[place.beats] ?? 0) + 1]);
    const corpus = read.get(path) ?? (await loadCorpus(path, split, tokenizer, onText));
    read.set(path, corpus);
    corpora.push(corpus);
  }
  const memory = [...read.values()].flatMap(({ tokens: { buffer } }) =>
    buffer instanceof ArrayBuffer ? [buffer] : [],
  );
  const { notes, files } = tokenizer;
  tell({ kind: "done", corpora, tokenizer: { notes, files } }, memory);
}

try {
  await work(workerData as Order);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  tell({ kind: "refused", message: error.message });
}
