/**
 * `npm run report`: makes the rows of docs/results.md that are missing or stale, one after the other, and writes the page. Each has a
 * process of its own; its file appears whole once that has ended, so that whoever kills this loses one row.
 *
 *   --only PART    the rows whose names contain it; may be repeated
 *   --list         says which are missing or stale, and why, and writes the page, but makes none
 *
 * A row of which only the texts of its recipe and of the library have changed, and not what is computed, is told the new texts.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import type { Evaluation } from "../runtime/cli/eval-table.ts";
import type { RunReport } from "../runtime/cli/result-table.ts";
import { writeWhole } from "../runtime/io/whole-file.ts";
import { UserError } from "../runtime/user-error.ts";
import { computedIfKnown, type Due, dueOf } from "./due.ts";
import { page } from "./page.ts";
import { lacking, meant } from "./places.ts";
import { recipes } from "./recipe.ts";
import { type Result, resultOf, type TaskResult, taskResultOf, writeResult } from "./result.ts";
import { allRows, folder, isTaskRow, out, type Row, root, rowPath, type TaskRow } from "./rows.ts";

const say = (sentence: string): void => {
  process.stdout.write(`${sentence}\n`);
};

let running: ChildProcess | undefined;

/** What the last of the row's commands prints. */
async function run({ name, model, commands }: Row): Promise<unknown> {
  const store = ["--store", join(tmpdir(), `lcomp-report-${model.name}`), "--store-limit", "8GiB"];
  const place = mkdtempSync(join(tmpdir(), "lcomp-report-"));
  try {
    let found = "";
    for (const command of commands) {
      const args = command.map((argument) => (argument === out ? join(place, "small") : meant(argument)));
      found = await printed(name, [...args, ...store]);
    }
    return JSON.parse(found);
  } finally {
    rmSync(place, { recursive: true });
  }
}

/** What `lcomp` prints. */
async function printed(name: string, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, ["runtime/cli/main.ts", ...args], {
    ...{ cwd: root, stdio: ["ignore", "pipe", "pipe"] },
  });
  running = child;
  const [shown, said, [status, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  if (status !== 0) throw new UserError(`${name}: ${said.trimEnd()}${signal === null ? "" : `\nended by ${signal}`}`);
  return shown;
}

/** Writes the recipes, and takes away what is of no row any more. */
function tidy(): void {
  mkdirSync(join(root, folder), { recursive: true });
  const texts = recipes();
  for (const [path, written] of texts) writeWhole(join(root, path), written);
  const wanted = new Set([...allRows().map(rowPath), ...texts.keys()]);
  for (const path of globSync(`${folder}/*.{json,lcomp}`, { cwd: root }).filter((path) => !wanted.has(path))) {
    rmSync(join(root, path));
    say(`${basename(path)} is of no row, and removed`);
  }
}

const hear = ({ name }: Row): void => say(`${name}: computes the same as before, by other texts`);

async function make({ row, sources: texts }: Due): Promise<string> {
  const computes = await computedIfKnown(row);
  const sources = { ...texts, ...(computes !== undefined && { computes }) };
  const found = await run(row);
  const said = isTaskRow(row)
    ? answered(row, taskResultOf(row, sources, found as Evaluation))
    : lost(row, resultOf(row, sources, found as RunReport));
  writeWhole(join(root, `${folder}.md`), page());
  return said;
}

function lost(row: Row, result: Result): string {
  writeResult(row, result);
  const { perplexity, kl, seconds } = result;
  return `perplexity ${perplexity.small.toPrecision(5)}, KL ${kl.toPrecision(3)}, ${seconds.toFixed(0)} s`;
}

function answered(row: TaskRow, result: TaskResult): string {
  writeResult(row, result);
  const { acc, against } = result;
  return `acc ${against?.acc.mean.toFixed(3)}, of the given model ${acc.mean.toFixed(3)}`;
}

async function main({ only, list }: { readonly only: readonly string[]; readonly list: boolean }): Promise<number> {
  const named = allRows().filter(({ name }) => only.length === 0 || only.some((part) => name.includes(part)));
  if (named.length === 0)
    throw new UserError(
      `no row has such a name; there are: ${allRows()
        .map(({ name }) => name)
        .join(", ")}`,
      { exitCode: 2 },
    );
  if (list) {
    for (const { row, reason } of await dueOf(named, hear)) say(`${row.name}: ${reason}`);
    writeWhole(join(root, `${folder}.md`), page());
    return 0;
  }
  tidy();
  for (const place of new Set(named.flatMap(lacking)))
    say(`nothing is at ${place}: rows that need it stay as they are`);
  const todo = await dueOf(
    named.filter((row) => lacking(row).length === 0),
    hear,
  );
  say(`${todo.length} of ${named.length} rows are to be made`);
  let failed = 0;
  for (const [i, due] of todo.entries()) {
    process.stdout.write(`${i + 1}/${todo.length} ${due.row.name} (${due.reason}): `);
    try {
      say(await make(due));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failed++;
      say(`failed\n${error.message}`);
    }
  }
  writeWhole(join(root, `${folder}.md`), page());
  return failed > 0 ? 1 : 0;
}

for (const [signal, status] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)
  process.on(signal, () => {
    running?.kill();
    process.exit(status);
  });

try {
  const { values } = parseArgs({
    options: { only: { type: "string", multiple: true, default: [] }, list: { type: "boolean", default: false } },
  });
  process.exitCode = await main(values);
} catch (error) {
  const isUsage = (error as { code?: string }).code?.startsWith("ERR_PARSE_ARGS");
  if (!(error instanceof UserError || isUsage)) throw error;
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = error instanceof UserError ? error.exitCode : 2;
}
