/** A process and its memory, watched from outside. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";

export interface Watched {
  /** As `peakOf` has it. */
  readonly peak: number;
  readonly output: string;
}

/** Runs a file with Node.js; its status must be 0. */
export async function watch(file: string, args: readonly string[]): Promise<Watched> {
  const child = spawn(process.execPath, [file, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const peak = peakOf(child);
  let errors = "";
  let output = "";
  child.stdout.on("data", (text: Buffer) => {
    output += text.toString();
  });
  child.stderr.on("data", (text: Buffer) => {
    errors += text.toString();
  });
  const status = await new Promise((resolve) => child.on("exit", resolve));
  if (status !== 0) throw new Error(`${file} ended with ${status}\n${errors}`);
  return { peak: peak(), output };
}

/** The largest resident size of a process in bytes, by the kernel's own count, read again and again until it ends. */
export function peakOf(child: ChildProcess): () => number {
  let peak = 0;
  const timer = setInterval(() => {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8")) ?? [];
    if (kibibytes !== undefined) peak = Number(kibibytes) * 1024;
  }, 5);
  child.on("exit", () => clearInterval(timer));
  return () => peak;
}
