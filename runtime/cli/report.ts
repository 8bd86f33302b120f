/** How what went wrong is said, and with which exit status. */

import { PlanError } from "../../compiler/plan/plan-error.ts";
import { explanations } from "../../compiler/problems/explanations.ts";
import { CompileError, type Diagnostic } from "../../grammar/diagnostic.ts";
import { render } from "../../grammar/render.ts";
import { UserError } from "../user-error.ts";
import { lines, say } from "./terminal.ts";

/** Writes what went wrong and returns the exit status. Only a bug shows more than a message, and only where it is asked for. */
export function report(error: unknown): number {
  const isDebugging = process.env["LCOMP_DEBUG"] !== undefined;
  if (isDebugging && error instanceof Error) process.stderr.write(lines(...(error.stack ?? "").split("\n")));
  if (error instanceof CompileError) {
    say(process.stderr, showProblems(error.diagnostics));
    return 1;
  }
  const message = error instanceof Error ? error.message : String(error);
  const isExpected = error instanceof UserError || error instanceof PlanError;
  const bug = "This is a bug in lcomp; LCOMP_DEBUG=1 shows where.";
  const advice = error instanceof UserError && error.advice !== null ? [error.advice] : [];
  const shown = isExpected ? [`lcomp: ${message}`, ...advice] : [`lcomp: ${message.split("\n", 1)[0]}`, bug];
  say(process.stderr, lines(...shown));
  return error instanceof UserError ? error.exitCode : 1;
}

/** Problems, or notes, and how to read more of them. */
export function showProblems(diagnostics: readonly Diagnostic[]): string {
  const { NO_COLOR: plain, TERM: terminal } = process.env;
  const isColoured = process.stderr.isTTY === true && !plain && terminal !== "dumb";
  const shown = diagnostics.map((each) => `${render(each, isColoured)}\n`).join("\n");
  const ids = [...new Set(diagnostics.map(({ id }) => id))].filter((id) => Object.hasOwn(explanations, id));
  const [first] = ids;
  if (first === undefined) return shown;
  return shown + lines(ids.length === 1 ? `lcomp explain ${first} says more` : several(ids));
}

const several = (ids: readonly string[]): string =>
  ids.length <= 3 ? `lcomp explain says more of ${ids.join(", ")}` : "lcomp explain says more of each name in brackets";
