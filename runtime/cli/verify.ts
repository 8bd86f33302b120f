/** `lcomp verify`: compares a result with its lock. */
import { compareWithLock, type Differences } from "../io/lock.ts";
import { UserError } from "../user-error.ts";
import { type Command, declare, flag } from "./flags.ts";
import { counted, lines, printResult } from "./terminal.ts";

export const verifyCommand: Command = {
  builder: (yargs) =>
    declare(yargs.positional("DIR", { type: "string", describe: "the folder of a result" }), {
      json: flag("print the differences as JSON"),
    }),
  handler: async (flags) => {
    const folder = String(flags["DIR"]);
    const found = await compareWithLock(folder);
    const count = found.changed.length + found.missing.length + found.extra.length;
    printResult(flags, found, () =>
      count === 0 ? lines(`${folder}: ${counted(found.files, "file")}, as the lock says`) : showDifferences(found),
    );
    if (count > 0)
      throw new UserError(`${folder} is not as it was written: ${counted(count, "difference")} from its lock`);
  },
};

const showDifferences = ({ changed, missing, extra }: Differences): string =>
  lines(
    ...Object.entries({ changed, missing, extra }).flatMap(([what, names]) =>
      names.map((name) => `${what.padEnd(9)}${name}`),
    ),
  );
