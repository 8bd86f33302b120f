/** What is wrong with a user's program, as data: an id, a sentence, the places, and the way out. */
import type { Span } from "./source.ts";

export interface Label {
  readonly span: Span;
  /** What this place contributes to the problem; lower case, no full stop. */
  readonly text: string;
}

export interface Diagnostic {
  /** Readable and stable (`dimension-mismatch`); the argument of `lcomp explain`. */
  readonly id: string;
  readonly title: string;
  /** The first label is where the problem shows; the others are the places that it conflicts with. */
  readonly labels: readonly Label[];
  readonly hint?: string;
  /** What is only said: the work goes on. */
  readonly isNote?: true;
}

/** Thrown once at the end of a stage, with all that the stage found. */
export class CompileError extends Error {
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(({ title }) => title).join("\n"));
    this.name = "CompileError";
    this.diagnostics = diagnostics;
  }
}
