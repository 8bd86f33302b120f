/** What the compiler does grows with the program and no faster: how often its code runs is counted, not how long. */
import { type Profiler, Session } from "node:inspector/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as assert from "uvu/assert";
import { compileGraph } from "../../compiler/compile-graph.ts";
import { simplify } from "../../compiler/rewrite/simplify.ts";
import { suite } from "../harness/suite.ts";
import { root } from "../repository/sources.ts";
import { type Growing, programs } from "./programs.ts";

const session = new Session();
session.connect();
await session.post("Profiler.enable");
await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });

const compiler = `${pathToFileURL(join(root, "compiler")).href}/`;

/** By folder of the compiler: how often its functions were called since the last time. */
async function counts(): Promise<ReadonlyMap<string, number>> {
  const { result } = await session.post("Profiler.takePreciseCoverage");
  const byFolder = new Map<string, number>();
  for (const { url, functions } of result) {
    const [folder = ""] = url.startsWith(compiler) ? url.slice(compiler.length).split("/") : [];
    if (folder !== "") byFolder.set(folder, (byFolder.get(folder) ?? 0) + calls(functions));
  }
  return byFolder;
}

/** The first range of a function is the whole of it. */
const calls = (functions: readonly Profiler.FunctionCoverage[]): number =>
  functions.reduce((sum, { ranges: [whole] }) => sum + (whole?.count ?? 0), 0);

async function compiled({ graph, device }: Growing, size: number): Promise<ReadonlyMap<string, number>> {
  const made = graph(size);
  await counts();
  compileGraph(simplify(made), device);
  return counts();
}

/** What so little is done of is not looked at. */
const least = 20_000;

suite("work of the compiler", ({ test }) => {
  for (const [name, program] of Object.entries(programs))
    test(`doubles with the program: ${name}`, async () => {
      const [once, twice, fourTimes] = [
        await compiled(program, program.least),
        await compiled(program, 2 * program.least),
        await compiled(program, 4 * program.least),
      ];
      for (const [folder, count] of fourTimes) {
        const [small, middle] = [once.get(folder) ?? 0, twice.get(folder) ?? 0];
        if (count < least) continue;
        const said = `${folder}: ${small}, ${middle}, ${count}`;
        assert.ok(count <= 2.2 * middle, said);
        assert.ok(middle < least || middle <= 2.2 * small, said);
      }
    });
});
