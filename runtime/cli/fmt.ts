/** `lcomp fmt`: files in canonical form. */
import { accepted } from "../../grammar/diagnostic.ts";
import { format } from "../../grammar/format.ts";
import { parse } from "../../grammar/parse.ts";
import { writeWhole } from "../io/whole-file.ts";
import { UserError } from "../user-error.ts";
import { overFiles } from "./files.ts";
import { type Command, declare, flag, list } from "./flags.ts";
import { entryFor, stdinPath, translated } from "./host.ts";
import { counted, lines } from "./terminal.ts";

export const fmtCommand: Command = {
  builder: (yargs) =>
    declare(
      yargs.positional("FILE", {
        type: "string",
        array: true,
        describe: ".lcomp files, folders of them, or - from stdin to stdout",
      }),
      { check: flag("change nothing; say which files would change, and end with 1 if any would") },
    ),
  handler: (flags) => {
    const isCheck = flags["check"] === true;
    const changed: string[] = [];
    const { isWell } = overFiles(list(flags, "FILE"), (path) => {
      const { before, after, name } = formatted(path);
      if (path === stdinPath && !isCheck) process.stdout.write(after);
      else if (before !== after) {
        if (!isCheck) writeWhole(path, after);
        changed.push(name);
      }
    });
    process.stdout.write(lines(...changed));
    if (isWell && isCheck && changed.length > 0)
      throw new UserError(`${counted(changed.length, "file is", "files are")} not in canonical form; run lcomp fmt`);
  },
};

function formatted(path: string): { readonly name: string; readonly before: string; readonly after: string } {
  const { host, module, shown } = entryFor(path);
  const file = host.read(module);
  if (file === undefined) throw new UserError(`there is no ${module} in the library`);
  const after = translated(shown, () => format(accepted(parse(file))));
  return { name: path === stdinPath ? module : path, before: file.text, after };
}
