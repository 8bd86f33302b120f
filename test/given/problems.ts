/** What the compiler says is wrong. */
import { CompileError, type Diagnostic } from "../../grammar/diagnostic.ts";

/** What is wrong with that on which it is put to work; nothing where it goes through. */
export function problemsFrom(work: () => unknown): readonly Diagnostic[] {
  try {
    work();
    return [];
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return error.diagnostics;
  }
}
