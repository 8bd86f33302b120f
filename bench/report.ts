/** What was measured, as rows of text; what falls short of its bar. */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import type { Clock } from "../runtime/gpu/clock.ts";
import { median } from "./clock.ts";
import { type KernelTime, type Measured, ratio } from "./measure.ts";
import type { Rates } from "./rates.ts";

export const columns = [...["line", "lcomp", "best peer", "peer / lcomp", "shared / lcomp", "BLAS / lcomp", "bound"]];

/** The least ratio to ../shared/bench. */
const leastShared = 0.8;

interface Judged {
  readonly peer: { readonly name: string; readonly ratio: number };
  readonly shared: number | undefined;
  readonly blas: number | undefined;
}

function judge({ ours, peers, shared, blas }: Measured): Judged {
  const ratios = peers.map(({ name, taken }) => ({ name, ratio: ratio(taken, ours) }));
  const peer = ratios.reduce((best, one) => (one.ratio < best.ratio ? one : best), { name: "none", ratio: Infinity });
  return {
    peer,
    shared: shared && ratio(shared.theirs, shared.ours),
    blas: blas && ratio(blas, ours),
  };
}

/** One text per column. */
export function row(measured: Measured, rates: Rates): readonly string[] {
  const { peer, shared, blas } = judge(measured);
  return [
    measured.line.name,
    `${median(measured.ours).toPrecision(3)} ms`,
    peer.name,
    peer.ratio.toFixed(2),
    shared?.toFixed(2) ?? "",
    blas?.toFixed(2) ?? "",
    bound(measured, rates),
  ];
}

/** A line for each kernel: its share of what all take, and its own floor. */
export function kernelRows(kernels: readonly KernelTime[], rates: Rates): readonly string[] {
  const whole = kernels.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  return kernels.map(({ origin, dispatches, milliseconds, ...work }) => {
    const share = `${((100 * milliseconds) / whole).toFixed(0)} %`;
    const many = `${milliseconds.toPrecision(3)} ms in ${dispatches}`;
    return `  ${share.padStart(5)}  ${many.padEnd(20)} ${bound({ ours: [milliseconds], work }, rates)}  ${origin.join(" ")}`;
  });
}

/** The resource that takes longest at the machine's rates, and how much of our time that is. */
function bound({ ours, work }: Pick<Measured, "ours" | "work">, rates: Rates): string {
  const operations = work.operations / rates.operations;
  const bytes = work.bytes / rates.bytes;
  const part = `${((100 * Math.max(operations, bytes)) / median(ours)).toFixed(0)} %`;
  const amount =
    operations > bytes ? `${(work.operations / 1e6).toPrecision(3)} M` : `${(work.bytes / 2 ** 20).toPrecision(3)} MiB`;
  return operations > bytes
    ? `operations: ${amount}, ${part} of ${rates.fastest}`
    : `bytes: ${amount}, ${part} of a copy`;
}

/** A sentence for each bar that is not reached. */
export function shortfalls(measured: Measured): readonly string[] {
  const { line } = measured;
  const { peer, shared } = judge(measured);
  const found: string[] = [];
  if (!(peer.ratio >= line.least))
    found.push(`${line.name}: ${peer.ratio.toFixed(2)} × ${peer.name}, at least ${line.least}`);
  if (shared !== undefined && !(shared >= leastShared))
    found.push(`${line.name}: ${shared.toFixed(2)} × ${line.shared?.program}.mjs, at least ${leastShared}`);
  return found;
}

/** Columns of even width. */
export function padded(cells: readonly string[]): string {
  const widths = [26, 9, 10, 13, 15, 13];
  return cells
    .map((cell, i) => cell.padEnd(widths[i] ?? 0))
    .join(" ")
    .trimEnd();
}

/** What the numbers mean; the same on the screen and in the file. */
export const notes = ({ unit }: Clock): readonly string[] => [
  `lcomp: ${unit} of a run, the median. peer, shared and BLAS / lcomp: how many times that they take, the median of the ratios within a round; above 1, lcomp is faster.`,
  'Inputs are on the device. The second factor of a product and the weights of a layer or a block are laid out once, when they are bound; "both data" has no such factor.',
  "cholesky: no peer has it in float32 on a device, so that it stands beside lcomp's own product of that size; BLAS is LAPACK's.",
  "W4: a linear layer of codes of four bits in groups of 128, beside lcomp's own of the numbers that they stand for. GPTQ: with the factor of its second moment, beside lcomp's product; BLAS is NumPy as its authors compute.",
  "Peers run on lcomp's own device: same adapter, limits and toggles. All wait for it calmly, ../shared/bench too.",
  "shared: gemm_run.mjs, the better of `pk 16 4` and `bcast 16 4` without its packing, by the median of its runs; chain.mjs, its best, by the minimum. lcomp is measured likewise, run by run.",
  "bound: the larger of two floors, and how much of lcomp's time it is. Bytes at the rate of a copy on this device; operations, an elementary function being 20, at the rate of the fastest product known.",
];

interface Results {
  readonly adapter: string;
  readonly rounds: number;
  readonly clock: Clock;
  readonly measured: readonly Measured[];
  readonly rates: Rates;
  readonly short: readonly string[];
}

/** Writes bench/RESULTS.md. */
export function writeResults({ adapter, rounds, clock, measured, rates, short }: Results): void {
  const table = [columns, columns.map(() => "---"), ...measured.map((one) => row(one, rates))];
  const text = [
    "# Benchmark",
    "",
    `${adapter} · ${cpus()[0]?.model} · node ${process.version} · ${new Date().toISOString().slice(0, 10)} · ${rounds} rounds`,
    "",
    ...table.map((cells) => `| ${cells.join(" | ")} |`),
    "",
    ...(short.length === 0
      ? ["Every line reaches its bar."]
      : ["Below their bars:", "", ...short.map((one) => `- ${one}`)]),
    "",
    ...notes(clock).map((note) => `- ${note}`),
    "",
    "To repeat: `npm run bench -- --check`, which writes this file. The ratios are what counts: times depend on what else the machine does.",
    "",
  ];
  writeFileSync(join(import.meta.dirname, "RESULTS.md"), text.join("\n"));
}
