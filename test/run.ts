/**
 * Runs every *.test.ts below test/, each in a process of its own, and trusts nothing: a file passes only if its process ended
 * by itself with status 0 and said that all of its tests ran and passed.
 *
 *   node test/run.ts [NAME]... [--only TAG] [--accept] [--long]
 *
 * Files whose path contains a NAME; tests that carry the tag; what differs from golden files is written there; *.long.ts instead,
 * which take minutes or hours.
 */
import { spawn } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, stripVTControlCharacters } from "node:util";
import { describeAdapter } from "../runtime/gpu/adapter.ts";
import { openDevice } from "../runtime/gpu/device.ts";
import { allowedSkips } from "./harness/skips.ts";
import { skipMark } from "./harness/suite.ts";

const parallel = 2;

interface Outcome {
  readonly file: string;
  readonly seconds: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly { readonly test: string; readonly reason: string }[];
  /** Why the file fails, undefined if it passes. */
  readonly reason: string | undefined;
  readonly output: string;
}

const root = join(import.meta.dirname, "..");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string" },
    accept: { type: "boolean", default: false },
    long: { type: "boolean", default: false },
  },
});
/** What takes longer never ends. */
const timeOut = values.long ? 8 * 3_600_000 : 600_000;
const running = new Set<number>();

/** Most of what a short process does is to compile TypeScript: here all do it once. */
const compiled = mkdtempSync(join(tmpdir(), "lcomp-compiled-"));
process.on("exit", () => rmSync(compiled, { recursive: true, force: true }));

function chosenFiles(): readonly string[] {
  const files = globSync(`test/**/*.${values.long ? "long" : "test"}.ts`, { cwd: root }).sort();
  const named = files.filter((file) => positionals.length === 0 || positionals.some((name) => file.includes(name)));
  const { only } = values;
  return only === undefined
    ? named
    : named.filter((file) => readFileSync(join(root, file), "utf8").includes(`"${only}"`));
}

async function runFile(file: string): Promise<Outcome> {
  const start = performance.now();
  // A group of its own, so that a time-out also ends what the test has started.
  const child = spawn(process.execPath, [file], {
    cwd: root,
    detached: true,
    env: environment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${file}: no process could be started`);
  running.add(pid);
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    killGroup(pid);
  }, timeOut);
  const status = await new Promise<number | string>((resolve) =>
    child.on("close", (code, signal) => resolve(code ?? `${signal}`)),
  );
  clearTimeout(timer);
  running.delete(pid);
  const output = Buffer.concat(chunks).toString();
  const end = isLate ? `did not end within ${timeOut / 1000} s` : `ended with ${status}`;
  return {
    file,
    seconds: (performance.now() - start) / 1000,
    output,
    ...judge(stripVTControlCharacters(output), status, end),
  };
}

function judge(
  output: string,
  status: number | string,
  end: string,
): Pick<Outcome, "passed" | "failed" | "skipped" | "reason"> {
  const skipped = output
    .split("\n")
    .filter((line) => line.startsWith(skipMark))
    .map((line) => JSON.parse(line.slice(skipMark.length)) as Outcome["skipped"][number]);
  const summaries = [...output.matchAll(/^ {2}Total: +(\d+)\n {2}Passed: +(\d+)$/gm)];
  const [total = 0, passed = 0] = summaries.at(-1)?.slice(1).map(Number) ?? [];
  const isComplete = status === 0 && summaries.length === 1 && passed === total && total + skipped.length > 0;
  if (isComplete) return { passed, failed: 0, skipped, reason: undefined };
  const reason = status === 0 ? `ran ${passed} of ${total} tests in ${summaries.length} summaries` : end;
  return { passed, failed: Math.max(1, total - passed), skipped, reason };
}

function environment(): NodeJS.ProcessEnv {
  const { only, accept } = values;
  return {
    ...process.env,
    NODE_COMPILE_CACHE: compiled,
    ...(only === undefined ? {} : { LCOMP_TEST_TAG: only }),
    ...(accept ? { ACCEPT: "1" } : {}),
  };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

function show({ file, seconds, passed, skipped, reason, output }: Outcome): void {
  if (reason !== undefined || values.long) process.stdout.write(`${output.trimEnd()}\n`);
  const verdict = reason === undefined ? `${passed} passed` : `FAILED: ${reason}`;
  console.log(`${file}  ${verdict}  ${seconds.toFixed(1)} s`);
  for (const { test, reason: why } of skipped) console.log(`  skipped ${test}: ${why}`);
}

/** In CI a test may be skipped only with leave. */
function forbiddenSkips(outcomes: readonly Outcome[]): readonly string[] {
  if (!process.env["CI"]) return [];
  return outcomes.flatMap(({ skipped }) => skipped.map(({ test }) => test)).filter((test) => !(test in allowedSkips));
}

/** The adapter that the tests are going to get; where there is none, the tests that need one say so themselves. */
async function nameAdapter(): Promise<string> {
  try {
    const { adapterInfo, close } = await openDevice();
    close();
    return `adapter ${describeAdapter(adapterInfo)}`;
  } catch (error) {
    return `no adapter: ${error instanceof Error ? error.message : error}`;
  }
}

async function main(): Promise<number> {
  console.log(`${await nameAdapter()} · node ${process.version}`);

  const waiting = [...chosenFiles()];
  const outcomes: Outcome[] = [];
  const worker = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const outcome = await runFile(file);
      show(outcome);
      outcomes.push(outcome);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));

  const forbidden = forbiddenSkips(outcomes);
  for (const test of forbidden) console.log(`FAILED: ${test} was skipped, and test/harness/skips.ts does not allow it`);
  const sum = (count: (outcome: Outcome) => number): number =>
    outcomes.reduce((total, outcome) => total + count(outcome), 0);
  const failed = sum((outcome) => outcome.failed) + forbidden.length;
  const skipped = sum((outcome) => outcome.skipped.length) - forbidden.length;
  if (outcomes.length === 0) console.log("FAILED: no test file has such a name");
  console.log(
    `${sum((outcome) => outcome.passed)} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`,
  );
  return failed > 0 || outcomes.length === 0 ? 1 : 0;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    for (const pid of running) killGroup(pid);
    process.exit(128 + constants.signals[signal]);
  });
}
process.exitCode = await main();
