/** The thread that `plan-thread.ts` starts. */
import { parentPort, workerData } from "node:worker_threads";
import type { Observe } from "../../compiler/artifacts.ts";
import { continuation, plan } from "../../compiler/compile.ts";
import { CompileError } from "../../grammar/diagnostic.ts";
import type { News, Order } from "./plan-thread.ts";

const tell = (news: News): void => parentPort?.postMessage(news);

const observe: Observe = (...[name]) => {
  if (name === "graph") tell({ kind: "graph" });
};

try {
  const { loaded, inputs, facts, sizes } = workerData as Order;
  const made = sizes ? continuation(loaded, inputs, facts, sizes, observe) : plan(loaded, inputs, facts, observe);
  tell({ kind: "made", made });
} catch (error) {
  if (!(error instanceof CompileError)) throw error;
  tell({ kind: "refused", diagnostics: error.diagnostics });
}
