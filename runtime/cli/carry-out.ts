/** What `run` and `apply` share: where the result goes, what is shown of it, and that it is kept or leaves no trace. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { showBytes } from "../../compiler/plan/bytes.ts";
import { isTask, type Plan } from "../../compiler/plan/plan.ts";
import { placeIn, type SaveRecord } from "../../compiler/plan/step.ts";
import type { Device } from "../gpu/device.ts";
import { roomOn } from "../gpu/room.ts";
import { adapterFolder } from "../io/adapter.ts";
import type { RunResult } from "../run/result.ts";
import { ggufName } from "../run/save-file.ts";
import type { RunOptions } from "../run/session.ts";
import { UserError } from "../user-error.ts";
import type { ChoiceMade } from "./choice-table.ts";
import { type Flags, flag, given } from "./flags.ts";
import { interruptible } from "./interrupt.ts";
import { runPage } from "./page/run-page.ts";
import { leave, type Places, placeFlags } from "./places.ts";
import { failedExpectation, runReport, showLeftBehind, showRun } from "./result-table.ts";
import { runRecord } from "./run-record.ts";
import { counted, lines, printResult, say, widthOf } from "./terminal.ts";

/** The flags of both. */
export const resultFlags = {
  ...placeFlags,
  json: flag("print the result as JSON"),
  quiet: flag("no plan and no progress"),
};

/** What a run was made of, and what it gave. */
export interface Ran {
  readonly plan: Plan;
  readonly corpora: RunOptions["corpora"];
  readonly models: RunOptions["models"];
  readonly result: RunResult;
  /** What stages have chosen. */
  readonly choices?: readonly ChoiceMade[];
  /** Of the compiler and of the pipelines. */
  readonly compileSeconds: number;
  readonly adapter: string;
  /** What has been said of the models and of the texts. */
  readonly notes: readonly string[];
}

/** Does the work and shows what it gave; the places of expectations that do not hold are shown as `placed` has them. */
export async function carryOut(
  places: Places,
  flags: Flags,
  work: (signal: AbortSignal) => Promise<Ran>,
  placed: (place: string) => string = (place) => place,
): Promise<void> {
  const { plan, models, result, choices = [], compileSeconds, adapter, notes } = await keeping(places, work);
  const times = { seconds: performance.now() / 1000, compile_seconds: compileSeconds };
  const found = plan.saves.map(({ of }, i) => [of, result.checks[i] ?? null] as const);
  const checked = result.isSaved ? { checks: Object.fromEntries(found) } : {};
  const chosen = choices.length > 0 ? { choices } : {};
  const record = runRecord(plan, result, models);
  const report = runReport(result, {
    ...record,
    notes: [...notes, ...result.notes],
    ...chosen,
    ...checked,
    ...times,
    adapter,
  });
  printResult(flags, report, (width) => showRun(report, width));
  if (flags["quiet"] !== true)
    say(process.stderr, showLeftBehind(result) + showChecks(plan, result) + showAllSaved(plan, result, flags));
  if (places.report && (result.isSaved || given(flags, "report") !== undefined)) {
    places.report.write(await runPage(report));
    if (flags["quiet"] !== true) say(process.stderr, lines(`${places.report.shown}: what was done, and what it took`));
  }
  const advice = leave(
    places,
    "relax the expectation or change the recipe: steps that stay the same are not run again",
  );
  if (result.expects.some(({ holds }) => !holds)) throw new UserError(failedExpectation(result, placed), { advice });
}

/** The output folder is there at the end if the result is to be kept, and else no trace of it; a store stays as long as it is of use. */
async function keeping(places: Places, work: (signal: AbortSignal) => Promise<Ran>): Promise<Ran> {
  const { output, folder, isPassing } = places;
  return interruptible(
    async (signal) => {
      const ran = await work(signal);
      if (ran.result.isSaved) {
        say(process.stderr, lines(...(output?.finish() ?? [])));
        if (isPassing) folder.remove();
      }
      return ran;
    },
    () => leave(places),
  );
}

/** What was found when results were read back. */
function showChecks({ saves }: Plan, { isSaved, checks }: RunResult): string {
  if (!isSaved) return "";
  const shown = (n: number): number => Number(n.toPrecision(5));
  return lines(
    ...saves.map(({ of, origin }, i) => {
      const check = checks[i];
      if (!check) return `${of} was not read back: there is no text to compare it on`;
      const loss = `its loss on ${counted(check.windows, "window")} is ${shown(check.saved_loss)}, as before`;
      return `${of} read back: ${loss}; KL(${origin} ‖ ${of}) is ${shown(check.kl)}`;
    }),
  );
}

/** Where results are, and what can be done with them; nothing if there are none. */
function showAllSaved(plan: Plan, { isSaved }: RunResult, flags: Flags): string {
  const out = given(flags, "out");
  if (!isSaved || out === undefined) return "";
  return plan.saves
    .map((save) => showSaved(join(out, placeIn(plan.saves, save)).replace(/\/$/, ""), save, plan, flags))
    .join("");
}

function showSaved(out: string, save: SaveRecord, { corpora }: Plan, flags: Flags): string {
  const files = readdirSync(out, { recursive: true, encoding: "utf8" }).map((name) => statSync(join(out, name)));
  const bytes = files.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
  const read = corpora.toSorted((a, b) => Number(isTask(a)) - Number(isTask(b)))[0];
  const on = [read && isTask(read) ? "--tasks" : "--text", given(flags, read?.name ?? "") ?? "TEXT"];
  const isFile = save.format === "gguf";
  const model = isFile ? join(out, ggufName) : out;
  const measure = ["npx", "lcomp", "eval", model, ...on].map(quoted).join(" ");
  const folder = save.quantization === null ? "loads like any Hugging Face folder" : `codes as ${save.format} has them`;
  const beside = save.adapter ? `, and what low-rank factors add, as PEFT has it, in ${adapterFolder}` : "";
  const kind = isFile ? `a GGUF file, ${ggufName}` : folder;
  const said = `${out}: ${showBytes(bytes)}, ${kind}${beside}; measure it:`;
  const isOneLine = said.length + 1 + measure.length <= widthOf(process.stderr);
  return isOneLine ? lines(`${said} ${measure}`) : lines(said, `  ${measure}`);
}

/** A word as a shell takes it. */
const quoted = (word: string): string => (/^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** What a GPU has of what the plan takes, where no flag says what it may take; software adapters have the host's memory. */
export const roomFor = async (device: Device, { peaks }: Plan, gpu = Infinity): Promise<number> =>
  gpu < Infinity || device.facts.software ? peaks.gpu : roomOn(device, peaks.gpu);

export const withoutGpu =
  "no GPU is used: the processor does its work, with the same results, slowly; lcomp doctor says why";
