/** Ctrl-C while something is half written: the work is asked to end, and if it does not end at once, it is ended. */
import { UserError } from "../user-error.ts";
import { report } from "./report.ts";

/** The status of a process that Ctrl-C has ended. */
export const interrupted = 130;

/** How long the work may take to end by itself. */
const patience = 500;

/**
 * Runs work that hears of Ctrl-C by its signal. Where it does not end well, or not at once after Ctrl-C, `leave` cleans up, which
 * must be synchronous, and returns a sentence about what stays, null for nothing; the error says it.
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  leave: () => string | null = () => null,
): Promise<T> {
  const controller = new AbortController();
  const reason = new UserError("Interrupted");
  let timer: NodeJS.Timeout | undefined;
  const onSignal = (): void => {
    if (timer !== undefined) return;
    controller.abort(reason);
    timer = setTimeout(() => {
      const error = interruption(leave());
      if (process.stderr.isTTY) process.stderr.write("\n"); // a line of progress may stand there
      process.exit(report(error));
    }, patience);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  try {
    return await work(controller.signal);
  } catch (error) {
    const kept = leave();
    if (error === reason) throw interruption(kept);
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.message, { cause: error.cause, exitCode: error.exitCode, advice: kept });
  } finally {
    clearTimeout(timer);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(signal, onSignal);
  }
}

const interruption = (kept: string | null): UserError =>
  new UserError(`Interrupted; ${kept ?? "nothing was kept"}.`, { exitCode: interrupted });
