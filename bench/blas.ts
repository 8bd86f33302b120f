/** Single-precision BLAS through NumPy, in a process that waits for its turns. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import type { Clock } from "../runtime/gpu/clock.ts";

export interface Blas {
  /** Milliseconds that a product takes. */
  readonly product: (sizes: { readonly m: number; readonly n: number; readonly k: number }) => Promise<number>;
  /** Milliseconds that LAPACK's factor of a matrix takes. */
  readonly cholesky: (size: number) => Promise<number>;
  /** Milliseconds that GPTQ of a square layer takes, as its authors compute it: codes of four bits in groups of 128. */
  readonly gptq: (size: number) => Promise<number>;
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
  const taken = async (kind: string, ...sizes: readonly number[]): Promise<number> => {
    child.stdin.write(`${[kind, 7, ...sizes].join(" ")}\n`);
    const { value = "" } = await lines.next();
    const [cpu, wall] = value.split(" ").map(Number);
    const own = clock.isCpu ? cpu : wall;
    if (own === undefined) throw new Error("blas.py has ended");
    return own;
  };
  return {
    product: ({ m, n, k }) => taken("product", m, n, k),
    cholesky: (size) => taken("cholesky", size),
    gptq: (size) => taken("gptq", size),
    close: () => child.stdin.end(),
  };
}
