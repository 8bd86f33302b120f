/**
 * A bound on what a program may cost to check. Every call is evaluated anew, so that a few lines can ask for more than any machine
 * has; work is counted in expressions evaluated, never in seconds, so that a program is refused everywhere or nowhere.
 */
import type { Span } from "../../grammar/source.ts";
import { type Context, report } from "./context.ts";
import type { RecordValue } from "./value.ts";

/** The work done so far in one pass over a program. */
export interface Work {
  evaluations: number;
  /** More are refused. */
  readonly most: number;
  /** Expressions that are being evaluated, each inside the one before. */
  depth: number;
}

/** Several times what a method of 5,000 operations needs on a model's layers, and more for long programs, whose stages cost each. */
export const workFor = (characters: number): Work => ({
  evaluations: 0,
  most: 75_000 + 75 * characters,
  depth: 0,
});

/** What the stack holds on every platform. */
const deepest = 800;
const deepestRecord = 100;

const isRefused = ({ found }: Context): boolean => found.some(({ problem }) => problem.kind === "too-much-work");

/** Complains of records that are nested too deeply. */
export function isShallow(context: Context, { depth }: RecordValue, span: Span): boolean {
  if (depth <= deepestRecord) return true;
  if (!isRefused(context))
    report(context, { kind: "too-much-work", span, name: undefined, limit: "records", most: deepestRecord });
  return false;
}

/** Counts one more expression; false, and a problem that names the outermost function at work, where that is too much. */
export function isAffordable(context: Context, span: Span): boolean {
  const { work, calls } = context;
  work.evaluations++;
  const limit = work.evaluations > work.most ? "evaluations" : work.depth > deepest ? "depth" : undefined;
  if (limit === undefined) return true;
  if (isRefused(context)) return false;
  const outermost = calls.find(({ name }) => name !== "");
  const most = { evaluations: work.most, depth: deepest }[limit];
  const problem = { span: outermost?.span ?? span, name: outermost?.name, limit, most } as const;
  report({ ...context, calls: [] }, { kind: "too-much-work", ...problem });
  return false;
}
