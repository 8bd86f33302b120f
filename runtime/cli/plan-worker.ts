/** The thread that `plan-thread.ts` starts. */
import { parentPort, workerData } from "node:worker_threads";
import type { Observe } from "../../compiler/artifacts.ts";
import { plan } from "../../compiler/compile.ts";
import { CompileError } from "../../grammar/diagnostic.ts";
import type { News, Order } from "./plan-thread.ts";

const tell = (news: News): void => parentPort?.postMessage(news);

const observe: Observe = (...[name]) => {
  if (name === "graph") tell({ kind: "graph" });
};

try {
  const { loaded, inputs, facts } = workerData as Order;
  tell({ kind: "plan", plan: plan(loaded, inputs, facts, observe) });
} catch (error) {
  if (!(error instanceof CompileError)) throw error;
  tell({ kind: "refused", diagnostics: error.diagnostics });
}
