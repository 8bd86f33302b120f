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
  const given = [recipe, "--model", model, "--text", text, ...budget];
  const promised = await promisedOf(given);
  const { peak, output } = await watch(main, ["run", ...given, "--json", "--quiet", "--out", `${model}-out`]);
  return { promised, peak, report: JSON.parse(output) as RunReport };
}

/** What `lcomp plan` promises with these arguments. */
export async function promisedOf(given: readonly string[]): Promise<Needs["peak"]> {
  return (JSON.parse((await watch(main, ["plan", ...given, "--json"])).output) as Needs).peak;
}

const MiB = 2 ** 20;

/** What is beside what is promised: above all the memory of buffers below 4 MiB, which Dawn keeps for others of them once they are destroyed. */
const beside = 64 * MiB;

/** How much more the wider of two models takes than is promised, and a tenth, and what is beside that; negative if it takes less. */
export function excessOf(wide: Omit<Kept, "report">, narrow: Omit<Kept, "report">): number {
  const taken = wide.peak - narrow.peak;
  const all = ({ promised: { gpu, host } }: Omit<Kept, "report">): number => gpu + host;
  const promised = all(wide) - all(narrow);
  process.stdout.write(
    `${Math.round(taken / MiB)} MiB taken, ${Math.round(promised / MiB)} promised; at most ${Math.round(wide.peak / MiB)} MiB resident\n`,
  );
  return taken - 1.1 * promised - beside;
}
