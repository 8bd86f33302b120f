/**
 * `npm run report`: makes the rows of docs/results.md that are missing or stale, one after the other, and writes the page. Each has a
 * process of its own; its file appears whole once that has ended, so that whoever kills this loses one row.
 *
 *   --only PART    the rows whose names contain it; may be repeated
 *   --list         says which are missing or stale, and why, and writes the page, but makes none
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import type { RunReport } from "../runtime/cli/result-table.ts";
import { writeWhole } from "../runtime/io/whole-file.ts";
import { UserError } from "../runtime/user-error.ts";
import { methods } from "./methods.ts";
import { page } from "./page.ts";
import { recipeText } from "./recipe.ts";
import { reasonToMake, resultOf, type Sources, sourcesOf, writeResult } from "./result.ts";
import { folder, type Row, recipePath, root, rowPath, rows } from "./rows.ts";

const say = (sentence: string): void => {
  process.stdout.write(`${sentence}\n`);
};

/** An argument that names a variable stands for what that says. */
const meant = (argument: string): string =>
  argument.startsWith("$") ? resolve(process.env[argument.slice(1)] ?? "") : argument;

const isThere = (place: string): boolean =>
  (!place.startsWith("$") || process.env[place.slice(1)] !== undefined) && existsSync(resolve(root, meant(place)));

const isHere = ({ model }: Row): boolean => isThere(model.folder) && isThere(model.text);

let running: ChildProcess | undefined;

/** What the row's command finds. */
async function run({ name, model, command }: Row): Promise<RunReport> {
  const store = ["--store", join(tmpdir(), `lcomp-report-${model.name}`), "--store-limit", "8GiB"];
  const args = ["runtime/cli/main.ts", ...command.map(meant), ...store];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  running = child;
  const [printed, said, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  if (status !== 0) throw new UserError(`${name}: ${said.trimEnd()}`);
  return JSON.parse(printed) as RunReport;
}

/** Writes the recipes, and takes away what is of no row any more. */
function tidy(): void {
  mkdirSync(join(root, folder), { recursive: true });
  for (const [name, method] of Object.entries(methods))
    writeWhole(join(root, recipePath(name)), recipeText(name, method));
  const wanted = new Set([...rows().map(rowPath), ...Object.keys(methods).map(recipePath)]);
  for (const path of globSync(`${folder}/*.{json,lcomp}`, { cwd: root }).filter((path) => !wanted.has(path))) {
    rmSync(join(root, path));
    say(`${basename(path)} is of no row, and removed`);
  }
}

interface Task {
  readonly row: Row;
  readonly sources: Sources;
  readonly reason: string;
}

function tasks(chosen: readonly Row[]): readonly Task[] {
  return chosen.flatMap((row) => {
    const sources = sourcesOf(row);
    const reason = reasonToMake(row, sources);
    return reason === undefined ? [] : [{ row, sources, reason }];
  });
}

async function make({ row, sources }: Task): Promise<string> {
  const result = resultOf(row, sources, await run(row));
  writeResult(row, result);
  writeWhole(join(root, `${folder}.md`), page());
  const { perplexity, kl, seconds } = result;
  return `perplexity ${perplexity.small.toPrecision(5)}, KL ${kl.toPrecision(3)}, ${seconds.toFixed(0)} s`;
}

async function main({ only, list }: { readonly only: readonly string[]; readonly list: boolean }): Promise<number> {
  const named = rows().filter(({ name }) => only.length === 0 || only.some((part) => name.includes(part)));
  if (named.length === 0)
    throw new UserError(
      `no row has such a name; there are: ${rows()
        .map(({ name }) => name)
        .join(", ")}`,
      { exitCode: 2 },
    );
  if (list) {
    for (const { row, reason } of tasks(named)) say(`${row.name}: ${reason}`);
    writeWhole(join(root, `${folder}.md`), page());
    return 0;
  }
  tidy();
  const absent = new Set(named.filter((row) => !isHere(row)).map(({ model }) => model));
  for (const { name, folder: model, text: corpus } of absent)
    say(`${name} is not at ${model}, or its text not at ${corpus}: its rows stay as they are`);
  const todo = tasks(named.filter(({ model }) => !absent.has(model)));
  say(`${todo.length} of ${named.length} rows are to be made`);
  let failed = 0;
  for (const [i, task] of todo.entries()) {
    process.stdout.write(`${i + 1}/${todo.length} ${task.row.name} (${task.reason}): `);
    try {
      say(await make(task));
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
