import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { suite } from "../harness/suite.ts";
import { root } from "./sources.ts";

/** Runs a script under this node; its output is the failure. */
function run(script: string, ...args: readonly string[]): void {
  const options = { cwd: root, encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], options);
  if (status !== 0) throw new Error(`${script} ended with ${status}\n${stdout}${stderr}`);
}

suite("quality", ({ test }) => {
  test("the types are right", () => run("node_modules/typescript/bin/tsc"));
  test("format and lint are clean", () =>
    run("node_modules/@biomejs/biome/bin/biome", "check", "--max-diagnostics=50"));
  test("the library and the examples are as lcomp fmt writes them", () =>
    run("runtime/cli/main.ts", "fmt", "--check", ...globSync("{stdlib,examples}/**/*.lcomp", { cwd: root })));
});
