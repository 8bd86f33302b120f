/** The thread that `encode.ts` starts. */
import { parentPort, workerData } from "node:worker_threads";
import { UserError } from "../user-error.ts";
import { type Corpus, loadCorpus, splitPath } from "./corpus.ts";
import { type News, type Order, place } from "./encode.ts";
import { encodePrompt } from "./prompt.ts";
import { type EncodedTask, encodeTask } from "./tasks/encode.ts";
import { loadTokenizer } from "./tokenizer.ts";

const tell = (news: News, memory: ArrayBuffer[] = []): void => parentPort?.postMessage(news, memory);

async function work({ folder, requests, tasks, prompts, state }: Order): Promise<void> {
  const tokenizer = await loadTokenizer(folder);
  const read = new Map<string, Corpus>();
  const corpora: Corpus[] = [];
  const heard = (request: number) => (done: number, line: number) =>
    state.set([request, line, done, (state[place.beats] ?? 0) + 1]);
  for (const [request, { text, split }] of requests.entries()) {
    const path = await splitPath(text, split);
    const onText = heard(request);
    const corpus = read.get(path) ?? (await loadCorpus(path, split, tokenizer, onText));
    read.set(path, corpus);
    corpora.push(corpus);
  }
  const encoded: EncodedTask[] = [];
  for (const [i, task] of tasks.entries()) {
    const onItem = heard(requests.length + i);
    encoded.push(await encodeTask(task, tokenizer, (line) => onItem(0, line)));
  }
  const begun = prompts.map((prompt, i) => {
    heard(requests.length + tasks.length + i)(0, 0);
    return encodePrompt(prompt, tokenizer);
  });
  const memory = [...read.values()].flatMap(({ tokens: { buffer } }) =>
    buffer instanceof ArrayBuffer ? [buffer] : [],
  );
  const { notes, files } = tokenizer;
  tell({ kind: "done", corpora, tasks: encoded, prompts: begun, tokenizer: { notes, files } }, memory);
}

try {
  await work(workerData as Order);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  tell({ kind: "refused", message: error.message });
}
