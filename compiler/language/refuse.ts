/** The end of a stage: what was found is thrown, what was noted is shown. */
import { CompileError, type Diagnostic } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import { worded } from "../problems/problem.ts";
import type { Context, Found } from "./context.ts";

const holds = (outer: Span, inner: Span): boolean =>
  outer.file === inner.file && outer.start <= inner.start && inner.end <= outer.end;

/** What was found, with the recipe's stage and the outermost call that led there. */
export const problemsOf = ({ found }: Context): readonly Diagnostic[] => found.map(diagnosticOf);

/** Throws what was found, if anything was. */
export function refuse(context: Context): void {
  if (context.found.length > 0) throw new CompileError(problemsOf(context));
}

/** What was noted, to be shown while the work goes on. */
export const notesOf = ({ notes }: Context): readonly Diagnostic[] =>
  notes.map((each) => ({ ...diagnosticOf(each), isNote: true }));

function diagnosticOf({ problem, stage, calls }: Found): Diagnostic {
  const diagnostic = worded(problem);
  const inStage = stage && !holds(stage, problem.span) ? [{ span: stage, text: "in this stage" }] : [];
  const [inCall] = calls.flatMap(({ span, name }) => (name ? [{ span, text: `in this call of \`${name}\`` }] : []));
  return { ...diagnostic, labels: [...inStage, ...(inCall ? [inCall] : []), ...diagnostic.labels] };
}
