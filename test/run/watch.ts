/** A process and its memory, watched from outside. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

export interface Watched {
  /** The largest resident size in bytes, by the kernel's own count, read until the process ends. */
  readonly peak: number;
  readonly output: string;
}

/** Runs a file with Node.js; its status must be 0. */
export async function watch(file: string, args: readonly string[]): Promise<Watched> {
  const child = spawn(process.execPath, [file, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let peak = 0;
  let errors = "";
  let output = "";
  child.stdout.on("data", (text: Buffer) => {
    output += text.toString();
  });
  child.stderr.on("data", (text: Buffer) => {
    errors += text.toString();
  });
  const timer = setInterval(() => {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8")) ?? [];
    if (kibibytes !== undefined) peak = Number(kibibytes) * 1024;
  }, 5);
  const status = await new Promise((resolve) => child.on("exit", resolve));
  clearInterval(timer);
  if (status !== 0) throw new Error(`${file} ended with ${status}\n${errors}`);
  return { peak, output };
}
