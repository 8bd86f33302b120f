/** What was measured, as rows of text; what falls short of its bar. */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import type { Clock } from "../runtime/gpu/clock.ts";
import { median } from "./clock.ts";
import { type KernelTime, type Measured, ratio } from "./measure.ts";
import type { Rates } from "./rates.ts";

export const columns = [
  ...["line", "lcomp", "best peer", "peer / lcomp", "shared / lcomp", "BLAS / lcomp", "that of beside", "bound"],
];

/** The least ratio to ../shared/bench. */
const leastShared = 0.8;

interface Judged {
  readonly peer: { readonly name: string; readonly ratio: number };
  readonly shared: number | undefined;
  readonly blas: number | undefined;
  readonly beside: number | undefined;
}

function judge({ ours, peers, shared, blas, beside }: Measured): Judged {
  const ratios = peers.map(({ name, taken }) => ({ name, ratio: ratio(taken, ours) }));
  const peer = ratios.reduce((best, one) => (one.ratio < best.ratio ? one : best), { name: "none", ratio: Infinity });
  return {
    peer,
    shared: shared && ratio(shared.theirs, shared.ours),
    blas: blas && ratio(blas, ours),
    beside: beside && ratio(beside.blas, beside.ours),
  };
}

const time = (milliseconds: number): string =>
  milliseconds < 1000 ? `${milliseconds.toPrecision(3)} ms` : `${(milliseconds / 1000).toPrecision(3)} s`;

/** Of a whole model, which computes nothing that is counted. */
const speed = ({ work, ours }: Measured): string =>
  work.operations === 0 ? `, ${(work.bytes / 1e6 / median(ours)).toFixed(2)} GB/s` : "";

/** One text per column. */
export function row(measured: Measured, rates: Rates): readonly string[] {
  const { peer, shared, blas, beside } = judge(measured);
  return [
    measured.line.name,
    time(median(measured.ours)) + speed(measured),
    peer.name,
    peer.name === "none" ? "" : peer.ratio.toFixed(2),
    shared?.toFixed(2) ?? "",
    blas?.toFixed(2) ?? "",
    beside?.toFixed(2) ?? "",
    bound(measured, rates),
  ];
}

const leastShare = 0.02;

/** A line for each kernel that takes a share of at least so much: the share, and its own floor. */
export function kernelRows(kernels: readonly KernelTime[], rates: Rates, least = 0): readonly string[] {
  const whole = kernels.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const shown = kernels.filter(({ milliseconds }) => milliseconds >= least * whole);
  return shown.map(({ origin, dispatches, milliseconds, ...work }) => {
    const share = `${((100 * milliseconds) / whole).toFixed(0)} %`;
    const many = `${time(milliseconds)} in ${dispatches}`;
    return `  ${share.padStart(5)}  ${many.padEnd(20)} ${bound({ ours: [milliseconds], work }, rates)}  ${origin.join(" ")}`;
  });
}

const rounded = (amount: number): number => Number(amount.toPrecision(3));

/** The resource that takes longest at the machine's rates, and how much of our time that is. */
function bound({ ours, work }: Pick<Measured, "ours" | "work">, rates: Rates): string {
  const operations = work.operations / rates.operations;
  const bytes = work.bytes / rates.bytes;
  const part = `${((100 * Math.max(operations, bytes)) / median(ours)).toFixed(0)} %`;
  const amount = operations > bytes ? `${rounded(work.operations / 1e6)} M` : `${rounded(work.bytes / 2 ** 20)} MiB`;
  return operations > bytes
    ? `operations: ${amount}, ${part} of ${rates.fastest}`
    : `bytes: ${amount}, ${part} of a copy`;
}

/** A sentence for each bar that is not reached. */
export function shortfalls(measured: Measured): readonly string[] {
  const { line } = measured;
  const { peer, shared, blas, beside } = judge(measured);
  const found: string[] = [];
  if (
    line.leastOfBeside !== undefined &&
    blas !== undefined &&
    beside !== undefined &&
    !(blas >= line.leastOfBeside * beside)
  )
    found.push(
      `${line.name}: ${blas.toFixed(2)} × BLAS where a product has ${beside.toFixed(2)}, at least ${line.leastOfBeside.toFixed(2)} of that`,
    );
  if (!(peer.ratio >= line.least))
    found.push(`${line.name}: ${peer.ratio.toFixed(2)} × ${peer.name}, at least ${line.least}`);
  if (shared !== undefined && !(shared >= leastShared))
    found.push(`${line.name}: ${shared.toFixed(2)} × ${line.shared?.program}.mjs, at least ${leastShared}`);
  return found;
}

/** Columns of even width. */
export function padded(cells: readonly string[]): string {
  const widths = [30, 9, 10, 13, 15, 13, 15];
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
  "W4: a linear layer of codes of four bits in groups of 128, beside lcomp's own of the numbers that they stand for.",
  "Steps of methods (GPTQ, restoration, factors, fit) and eigh stand beside lcomp's product of 1024; BLAS is NumPy, which computes the same as the methods' authors do. The block is one of SmolLM2-135M, with numbers at random; its windows have 512 tokens.",
  "that of beside: BLAS / lcomp of what a line stands beside, in the same rounds. A method whose ratio is less than 1 / 1.3 of its product's is below its bar.",
  "Whole models: what processes take from start to end, reading and saving; llama.cpp's quantiser reads the same weights in BF16.",
  "Peers run on lcomp's own device: same adapter, limits and toggles. All wait for it calmly, ../shared/bench too.",
  "shared: gemm_run.mjs, the better of `pk 16 4` and `bcast 16 4` without its packing, by the median of its runs; chain.mjs, its best, by the minimum. lcomp is measured likewise, run by run.",
  "bound: the larger of two floors, and how much of lcomp's time it is. Bytes at the rate of a copy on this device; operations, an elementary function being 20, at the rate of the fastest product known.",
];

/** What was found of a line. */
export interface Found {
  readonly measured: Measured;
  /** Each of its kernels alone. */
  readonly kernels: readonly KernelTime[];
}

interface Results {
  readonly adapter: string;
  readonly rounds: number;
  readonly clock: Clock;
  readonly found: readonly Found[];
  readonly rates: Rates;
  readonly short: readonly string[];
}

/** Writes bench/RESULTS.md. */
export function writeResults({ adapter, rounds, clock, found, rates, short }: Results): void {
  const table = [columns, columns.map(() => "---"), ...found.map(({ measured }) => row(measured, rates))];
  const many = found.filter(({ kernels }) => kernels.length > 1);
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
    "## Kernels",
    "",
    "What each kernel takes alone, as a share of all of its line; those of less than 2 % are left out. Fewer bytes than the caches hold are faster than a copy.",
    "",
    "```",
    ...many.flatMap(({ measured, kernels }) => [measured.line.name, ...kernelRows(kernels, rates, leastShare)]),
    "```",
    "",
    "To repeat: `npm run bench -- --check`, which writes this file. The ratios are what counts: times depend on what else the machine does.",
    "",
  ];
  writeFileSync(join(import.meta.dirname, "RESULTS.md"), text.join("\n"));
}
