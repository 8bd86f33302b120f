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

/** What a stage makes of a user's program, and what is wrong with the program: then the artifact is as much as could be made. */
export interface Result<Artifact> {
  readonly artifact: Artifact;
  readonly problems: readonly Diagnostic[];
}

/** The artifact of a program that must be right; throws CompileError with what is wrong. */
export function accepted<Artifact>({ artifact, problems }: Result<Artifact | null>): Artifact {
  if (artifact === null || problems.length > 0) throw new CompileError(problems);
  return artifact;
}

/** What ends the work on a program that is wrong, with all that was found. */
export class CompileError extends Error {
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(({ title }) => title).join("\n"));
    this.name = "CompileError";
    this.diagnostics = diagnostics;
  }
}
