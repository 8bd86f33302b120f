/**
 * `npm run bench:compile`: what compiling programs of about 5,000 nodes takes, each in a process of its own. Times are no condition
 * of any test; what is, is how often the compiler's code runs (test/compiler/counts.test.ts).
 *
 *   --nodes N    5000 by default
 *   --check      exit 1 above a bar
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compileGraph } from "../compiler/compile-graph.ts";
import { simplify } from "../compiler/rewrite/simplify.ts";
import { programs } from "../test/compiler/programs.ts";

/** For a program of 5,000 nodes, and in proportion: seconds of CPU, and MiB of memory at the most. */
const bars = { nodes: 5000, seconds: 3, memory: 400 };

interface Compiled {
  readonly nodes: number;
  readonly kernels: number;
  readonly seconds: number;
  readonly memory: number;
}

/** Compiles the program at the size at which it has about so many nodes. */
function compile(name: string, nodes: number): Compiled {
  const program = programs[name];
  if (program === undefined) throw new Error(`there is no program ${name}`);
  const [few, more] = [8, 16].map((size) => program.graph(size).nodes.length) as [number, number];
  const graph = program.graph(Math.max(1, Math.round((nodes - few) / ((more - few) / 8)) + 8));
  const before = process.cpuUsage();
  const { kernels } = compileGraph(simplify(graph), program.device);
  const { user, system } = process.cpuUsage(before);
  const memory = process.resourceUsage().maxRSS / 1024;
  return { nodes: graph.nodes.length, kernels: kernels.length, seconds: (user + system) / 1e6, memory };
}

function compiled(name: string, nodes: number): Compiled {
  const self = fileURLToPath(import.meta.url);
  const { status, stdout, stderr } = spawnSync(process.execPath, [self, "--nodes", `${nodes}`, "--program", name], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${name}: ${stderr}`);
  return JSON.parse(stdout) as Compiled;
}

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: `${bars.nodes}` },
    program: { type: "string" },
    check: { type: "boolean" },
  },
});
const nodes = Number(values.nodes);
if (values.program !== undefined) process.stdout.write(JSON.stringify(compile(values.program, nodes)));
else
  for (const name of Object.keys(programs)) {
    const { seconds, memory, ...made } = compiled(name, nodes);
    const share = made.nodes / bars.nodes;
    const isOver = seconds > bars.seconds * Math.max(1, share) || memory > bars.memory * Math.max(1, share);
    if (isOver && values.check === true) process.exitCode = 1;
    const shown = `${seconds.toFixed(2)} s, ${memory.toFixed(0)} MiB, ${made.kernels} kernels`;
    process.stdout.write(`${name.padEnd(34)} ${made.nodes} nodes: ${shown}${isOver ? ", above the bar" : ""}\n`);
  }
