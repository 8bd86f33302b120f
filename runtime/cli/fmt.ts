/** `lcomp fmt`: files in canonical form. */
import { writeFileSync } from "node:fs";
import type { CommandModule } from "yargs";
import { CompileError } from "../../grammar/diagnostic.ts";
import { format } from "../../grammar/format.ts";
import { parse } from "../../grammar/parse.ts";
import { explainedNow } from "../io/file.ts";
import { UserError } from "../user-error.ts";
import { declare, type Flags, flag, list } from "./flags.ts";
import { entryFor } from "./host.ts";
import { translated } from "./recipe.ts";
import { lines } from "./terminal.ts";

export const fmtCommand: CommandModule<object, Flags> = {
  command: "fmt <FILE..>",
  describe: "Bring .lcomp files into canonical form",
  builder: (yargs) =>
    declare(yargs.positional("FILE", { type: "string", array: true, describe: ".lcomp files" }), {
      check: flag("change nothing; say which files would change, and end with 1 if any would"),
    }),
  handler: (flags) => {
    const isCheck = flags["check"] === true;
    const changed = list(flags, "FILE").filter((path) => reformat(path, isCheck));
    process.stdout.write(lines(...changed));
    if (isCheck && changed.length > 0)
      throw new UserError(
        `${changed.length} ${changed.length === 1 ? "file is" : "files are"} not in canonical form; run lcomp fmt`,
      );
  },
};

/** Whether the file is, or would be, changed. */
function reformat(path: string, isCheck: boolean): boolean {
  const { host, module, shown } = entryFor(path);
  const file = host.read(module);
  if (file === undefined) throw new CompileError([]);
  const text = translated(shown, () => format(parse(file)));
  if (text === file.text) return false;
  if (!isCheck) explainedNow("write", path, () => writeFileSync(path, text));
  return true;
}
