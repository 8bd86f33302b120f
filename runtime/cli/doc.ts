/** `lcomp doc`: what a declaration of the library, or of a file, is, what it takes, and where it is from. */
import { nearest } from "../../grammar/suggest.ts";
import { UserError } from "../user-error.ts";
import { type Command, declare, flag } from "./flags.ts";
import { entryFor } from "./host.ts";
import { type Documented, documented } from "./library.ts";
import { wholeLibrary } from "./list.ts";
import { paragraphs, printResult, wrapped } from "./terminal.ts";

export const docCommand: Command = {
  builder: (yargs) =>
    declare(
      yargs.positional("NAME", {
        type: "string",
        array: true,
        describe: "a name that lcomp list shows, a module such as std/nn, or a .lcomp file",
      }),
      { json: flag("print it as JSON") },
    ),
  handler: (flags) => {
    const found = (flags["NAME"] as readonly string[]).flatMap(named);
    printResult(flags, found, (width) => found.map((each) => showDoc(each, width)).join("\n"));
  },
};

/** What a name, a module or a file declares. */
function named(name: string): readonly Documented[] {
  const isPath = name.includes("/") || name.endsWith(".lcomp");
  const all = isPath ? documented(entryFor(name.startsWith("std/") ? name.replace(/\.lcomp$/, "") : name)) : undefined;
  if (all?.length === 0) throw new UserError(`${name} declares nothing`);
  if (all !== undefined) return all;
  const library = wholeLibrary();
  const found = library.filter((each) => each.name === name);
  if (found.length > 0) return found;
  const known = isPath ? library.map(({ module }) => module) : library.map((each) => each.name);
  const near = nearest(name, [...new Set(known)]);
  const hint = near === undefined ? "lcomp list lists what there is" : `did you mean ${near}?`;
  throw new UserError(`the library has no ${name}; ${hint}`, { exitCode: 2 });
}

/** Its header as its source has it, what it is, and how it is imported. */
export function showDoc({ module, kind, name, doc, about, header }: Documented, width: number): string {
  const said = [doc, ...(about === "" ? [] : ["", about])]
    .flatMap((text) => text.split("\n"))
    .flatMap((line) => (line === "" ? [""] : wrapped(line, Math.min(width, 100))));
  const isImported = module.startsWith("std/") && module !== "std/prelude" && kind !== "arch";
  const how = isImported ? ["", `import { ${name} } from "${module}"`] : [];
  return paragraphs([header, "", ...said, ...how].join("\n"));
}
