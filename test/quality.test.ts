import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { suite } from "./harness.ts";
import { root } from "./sources.ts";

/** Runs a development tool of node_modules under this node; its output is the failure. */
function runTool(script: string, ...args: readonly string[]): void {
  const options = { cwd: root, encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [join("node_modules", script), ...args], options);
  if (status !== 0) throw new Error(`${script} ended with ${status}\n${stdout}${stderr}`);
}

suite("quality", ({ test }) => {
  test("the types are right", () => runTool("typescript/bin/tsc"));
  test("format and lint are clean", () => runTool("@biomejs/biome/bin/biome", "check", "--max-diagnostics=50"));
});
