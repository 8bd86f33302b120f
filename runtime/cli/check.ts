/** `lcomp check`: what is wrong with recipes and libraries, without a model. */
import type { CommandModule } from "yargs";
import { check } from "../../compiler/compile.ts";
import { CompileError, type Diagnostic } from "../../grammar/diagnostic.ts";
import { type Flags, list } from "./flags.ts";
import { entryFor } from "./host.ts";
import { translated } from "./recipe.ts";
import { lines } from "./terminal.ts";

export const checkCommand: CommandModule<object, Flags> = {
  command: "check <FILE..>",
  describe: "Find what is wrong with .lcomp files, without a model",
  builder: (yargs) => yargs.positional("FILE", { type: "string", array: true, describe: ".lcomp files" }),
  handler: (flags) => {
    const found: Diagnostic[] = [];
    for (const path of list(flags, "FILE")) {
      const diagnostics = problemsOf(path);
      if (diagnostics.length === 0) process.stdout.write(lines(`${path}: no problems`));
      found.push(...diagnostics);
    }
    if (found.length > 0) throw new CompileError(found);
  },
};

function problemsOf(path: string): readonly Diagnostic[] {
  const { host, module, shown } = entryFor(path);
  try {
    translated(shown, () => check(host, module));
    return [];
  } catch (error) {
    if (error instanceof CompileError) return error.diagnostics;
    throw error;
  }
}
