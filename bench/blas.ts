/** Single-precision BLAS through NumPy, in a process that waits for its turns. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import type { Clock } from "./clock.ts";

export interface Blas {
  /** Milliseconds that a product takes. */
  readonly product: (sizes: { readonly m: number; readonly n: number; readonly k: number }) => Promise<number>;
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
  return {
    product: async ({ m, n, k }) => {
      child.stdin.write(`${m} ${n} ${k} 7\n`);
      const { value = "" } = await lines.next();
      const [cpu, wall] = value.split(" ").map(Number);
      const taken = clock.isCpu ? cpu : wall;
      if (taken === undefined) throw new Error("blas.py has ended");
      return taken;
    },
    close: () => child.stdin.end(),
  };
}
