import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { largeShape, writeModel } from "./plan.ts";

/** The largest resident size of a process in bytes, by the kernel's own count, read until the process ends. */
async function peakOf(file: string, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [join(import.meta.dirname, file), ...args], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let peak = 0;
  let errors = "";
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
  return peak;
}

suite("run: memory", ({ test, skip }) => {
  const onLinux = existsSync("/proc/self/status") ? test : (name: string) => skip(name, "there is no /proc here");
  onLinux(
    "32 blocks take at most a tenth more memory than 8",
    inFolder(async (folder) => {
      const peaks: number[] = [];
      for (const layers of [8, 32]) {
        await writeModel(join(folder, String(layers)), largeShape(layers));
        peaks.push(await peakOf("blocks.ts", [folder, String(layers)]));
      }
      const [few = 0, many = 0] = peaks;
      process.stdout.write(`peak memory: ${peaks.map((bytes) => `${Math.round(bytes / 2 ** 20)} MiB`).join(", ")}\n`);
      assert.ok(few > 0 && many <= 1.1 * few, `${many} bytes against ${few}`);
    }),
  );
});
