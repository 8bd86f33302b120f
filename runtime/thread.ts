/** Work in a thread of its own, which is ended when its result is there or nobody wants it any more, whatever it is doing. */
import { extname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { UserError } from "./user-error.ts";

export interface ThreadOptions<News, Result> {
  /** When it is aborted, the thread is ended and the promise rejected with its reason. */
  readonly signal: AbortSignal;
  /** Hears what the thread posts; what it returns other than undefined is the result. */
  readonly hear: (news: News) => Promise<Result> | undefined;
}

const isOutOfMemory = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY";
const outOfMemory = new UserError(
  "this takes more memory than there is; use a smaller input, or raise Node's limit (NODE_OPTIONS=--max-old-space-size=MB)",
);

/** Starts the module `name`, which lies beside the one with that `import.meta`, with data that can be cloned. */
export async function inThread<News, Result>(
  { dirname, filename }: ImportMeta,
  name: string,
  workerData: unknown,
  { signal, hear }: ThreadOptions<News, Result>,
): Promise<Result> {
  signal.throwIfAborted();
  const worker = new Worker(join(dirname, `${name}${extname(filename)}`), { workerData });
  try {
    return await new Promise<Result>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      worker.on("error", (error) => reject(isOutOfMemory(error) ? outOfMemory : error));
      worker.on("exit", () => reject(new Error(`the thread ${name} has ended without a result`)));
      worker.on("message", (news: News) => {
        const result = hear(news);
        if (result !== undefined) resolve(result);
      });
    });
  } finally {
    await worker.terminate();
  }
}
