/** Single-precision BLAS through NumPy, in a process that waits for its turns. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import type { Clock } from "../runtime/gpu/clock.ts";
import { UserError } from "../runtime/user-error.ts";

/** What NumPy computes, as the authors of methods do. */
type Kind = "cholesky" | "gptq" | "gptq_block" | "restore" | "factors" | "eigh";

export interface Blas {
  /** Milliseconds that a product takes. */
  readonly product: (sizes: { readonly m: number; readonly n: number; readonly k: number }) => Promise<number>;
  /** Milliseconds that a function of blas.py takes, once it has run. */
  readonly compute: (kind: Kind, ...sizes: readonly number[]) => Promise<number>;
  /** Milliseconds that a command takes with all that it starts. Throws UserError where it fails. */
  readonly command: (command: readonly string[], env?: Readonly<Record<string, string>>) => Promise<number>;
  readonly close: () => void;
}

/** Undefined where there is no python3 with NumPy. CPU seconds are those of one thread, which wastes none by waiting. */
export async function openBlas(clock: Clock): Promise<Blas | undefined> {
  const env = clock.isCpu ? { ...process.env, OPENBLAS_NUM_THREADS: "1", OMP_NUM_THREADS: "1" } : process.env;
  const child = spawn("python3", [join(import.meta.dirname, "blas.py")], { env, stdio: ["pipe", "pipe", "ignore"] });
  child.on("error", () => undefined);
  child.stdin.on("error", () => undefined);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  if ((await lines.next()).value !== "ready") return undefined;
  const answered = async (request: string): Promise<number> => {
    child.stdin.write(`${request}\n`);
    const { value = "" } = await lines.next();
    const [cpu, wall] = value.split(" ").map(Number);
    const own = clock.isCpu ? cpu : wall;
    if (own === undefined || Number.isNaN(own)) throw new UserError(`blas.py has failed at ${request}: ${value}`);
    return own;
  };
  return {
    product: ({ m, n, k }) => answered(`product 7 ${m} ${n} ${k}`),
    compute: (kind, ...sizes) => answered(`${kind} ${kind === "cholesky" ? 7 : 1} ${sizes.join(" ")}`),
    command: (command, env = {}) => answered(`command ${JSON.stringify({ command, env })}`),
    close: () => child.stdin.end(),
  };
}
