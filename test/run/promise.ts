/** What a plan promises that a recipe takes of memory, and what it takes. */
import type { Needs } from "../../runtime/cli/needs-table.ts";
import type { RunReport } from "../../runtime/cli/result-table.ts";
import { main } from "../cli/lcomp.ts";
import { watch } from "./watch.ts";

export interface Kept {
  readonly promised: Needs["peak"];
  /** Of the process, from outside. */
  readonly peak: number;
  readonly report: RunReport;
}

/** Plans the recipe of a file for a model and a text, then runs it. */
export async function planAndRun(
  recipe: string,
  model: string,
  text: string,
  budget: readonly string[] = [],
): Promise<Kept> {
  const given = [recipe, "--model", model, "--text", text, ...budget, "--json"];
  const { peak: promised } = JSON.parse((await watch(main, ["plan", ...given])).output) as Needs;
  const { peak, output } = await watch(main, ["run", ...given, "--quiet", "--out", `${model}-out`]);
  return { promised, peak, report: JSON.parse(output) as RunReport };
}

const MiB = 2 ** 20;

/** How much more the wider of two models takes than is promised, and a tenth and 64 MiB; negative if it takes less. */
export function excessOf(wide: Kept, narrow: Kept): number {
  const taken = wide.peak - narrow.peak;
  const all = ({ promised: { gpu, host } }: Kept): number => gpu + host;
  const promised = all(wide) - all(narrow);
  process.stdout.write(`${Math.round(taken / MiB)} MiB taken, ${Math.round(promised / MiB)} promised\n`);
  return taken - 1.1 * promised - 64 * MiB;
}
