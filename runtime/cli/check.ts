/** `lcomp check`: what is wrong with recipes and libraries, without a model. */
import { check } from "../../compiler/check.ts";
import { accepted } from "../../grammar/diagnostic.ts";
import { overFiles } from "./files.ts";
import { type Command, list } from "./flags.ts";
import { entryFor, stdinPath, translated } from "./host.ts";
import { counted, lines, say } from "./terminal.ts";

export const checkCommand: Command = {
  builder: (yargs) =>
    yargs.positional("FILE", {
      type: "string",
      array: true,
      describe: ".lcomp files, folders of them, or - for what comes on stdin",
    }),
  handler: (flags) => {
    const named = list(flags, "FILE");
    const { count, isWell } = overFiles(named, (path) => {
      const { host, module, shown } = entryFor(path);
      translated(shown, () => accepted(check(host, module)));
      if (named.includes(path)) say(process.stdout, lines(`${path === stdinPath ? module : path}: no problems`));
    });
    if (isWell && count > named.length) say(process.stdout, lines(`${counted(count, "file")}, no problems`));
  },
};
