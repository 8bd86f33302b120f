/**
 * `npm run bench`: lcomp's kernels against tfjs, jax-js, BLAS and ../shared/bench on the adapter at hand.
 *
 *   --filter NAME    the lines whose name contains it; may be repeated
 *   --rounds N       9 by default
 *   --kernels        beneath each line, what each of its kernels takes alone
 *   --check          exit 1 below a bar; without a filter, write bench/RESULTS.md
 */
import { parseArgs } from "node:util";
import { describeAdapter } from "../runtime/gpu/adapter.ts";
import { bufferPool } from "../runtime/gpu/buffers.ts";
import { clockFor } from "../runtime/gpu/clock.ts";
import { type Device, openDevice } from "../runtime/gpu/device.ts";
import { executor } from "../runtime/gpu/execute.ts";
import { UserError } from "../runtime/user-error.ts";
import { openBlas } from "./blas.ts";
import { openJax } from "./jax.ts";
import { lines, wholeLines } from "./lines.ts";
import { type Arena, type Measured, measure, measureKernels } from "./measure.ts";
import { installPeers, offerDevice } from "./peers.ts";
import { measureRates } from "./rates.ts";
import { openShared } from "./reference.ts";
import { columns, type Found, kernelRows, notes, padded, row, shortfalls, writeResults } from "./report.ts";
import { openTfjs } from "./tfjs.ts";

interface Options {
  readonly filter: readonly string[];
  readonly rounds: number;
  readonly isCheck: boolean;
  readonly isByKernel: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      filter: { type: "string", multiple: true, default: [] },
      rounds: { type: "string", default: "9" },
      check: { type: "boolean", default: false },
      kernels: { type: "boolean", default: false },
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new UserError(`--rounds must be a whole number, not ${values.rounds}`);
  return { filter: values.filter, rounds, isCheck: values.check, isByKernel: values.kernels };
}

/** Everybody who is there to compute. */
async function openArena(device: Device, rounds: number): Promise<Arena> {
  const clock = clockFor(device.facts);
  const pool = bufferPool(device);
  const runtime = { device, pool, executor: executor(device, pool) };
  offerDevice(device);
  const peers = [await openTfjs(device), await openJax()];
  const [blas, shared] = [await openBlas(clock), await openShared(device, clock)];
  if (blas === undefined) console.log("without BLAS: there is no python3 with NumPy");
  if (shared === undefined) console.log("without ../shared/bench: it is not there, or takes another adapter");
  return { runtime, clock, peers, blas, shared, rounds };
}

async function main({ filter, rounds, isCheck, isByKernel }: Options): Promise<number> {
  const isChosen = ([name]: readonly [string, unknown]): boolean =>
    filter.length === 0 || filter.some((part) => name.includes(part));
  const chosen = [Object.entries(lines).filter(isChosen), Object.entries(wholeLines).filter(isChosen)] as const;
  if (chosen.flat().length === 0)
    throw new UserError(`no line has such a name; there are: ${Object.keys({ ...lines, ...wholeLines }).join(", ")}`);
  installPeers();
  const device = await openDevice();
  const adapter = describeAdapter(device.adapterInfo);
  console.log(`adapter ${adapter} · node ${process.version} · ${rounds} rounds`);
  const arena = await openArena(device, rounds);
  const rates = await measureRates(arena.runtime, arena.clock, arena.blas);
  console.log(padded(columns));
  const found: Found[] = [];
  const show = (measured: Measured, kernels: Found["kernels"]): void => {
    found.push({ measured, kernels });
    console.log(padded(row(measured, rates)));
    if (isByKernel) console.log(kernelRows(kernels, rates).join("\n"));
  };
  for (const [, make] of chosen[0]) {
    const line = await make();
    const measured = await measure(line, arena);
    show(measured, isByKernel || isCheck ? await measureKernels(line, arena) : []);
  }
  const { blas } = arena;
  for (const [name, line] of chosen[1])
    if (blas) show(await line.measure(blas, rounds), []);
    else console.log(`without ${name}: there is no python3 with NumPy, which tells the time of processes`);
  console.log(["", ...notes(arena.clock)].join("\n"));
  blas?.close();
  device.close();
  const short = found.flatMap(({ measured }) => shortfalls(measured));
  for (const sentence of short) console.log(`below its bar: ${sentence}`);
  if (isCheck && filter.length === 0) writeResults({ adapter, rounds, clock: arena.clock, found, rates, short });
  return isCheck && short.length > 0 ? 1 : 0;
}

try {
  process.exitCode = await main(readOptions());
} catch (error) {
  if (!(error instanceof UserError || (error as { code?: string }).code?.startsWith("ERR_PARSE_ARGS"))) throw error;
  console.error((error as Error).message);
  process.exitCode = 2;
}
