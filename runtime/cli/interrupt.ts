/** Ctrl-C while something is half written: the work is asked to end, and if it does not end at once, it is ended. */
import { UserError } from "../user-error.ts";
import { report } from "./report.ts";

/** The status of a process that Ctrl-C has ended. */
export const interrupted = 130;

/** How long the work may take to end by itself. */
const patience = 500;

/** Runs work that hears of Ctrl-C by its signal; `cleanUp`, which must be synchronous, is called if it does not end by itself. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>, cleanUp: () => void): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onSignal = (): void => {
    if (timer !== undefined) return;
    const reason = new UserError("Interrupted; nothing was kept.", { exitCode: interrupted });
    controller.abort(reason);
    timer = setTimeout(() => {
      cleanUp();
      if (process.stderr.isTTY) process.stderr.write("\n"); // a line of progress may stand there
      process.exit(report(reason));
    }, patience);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(signal, onSignal);
  }
}
