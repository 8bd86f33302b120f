/** `lcomp list`: what the library has. */
import { nearest } from "../../grammar/suggest.ts";
import { UserError } from "../user-error.ts";
import { type Command, declare, flag } from "./flags.ts";
import { entryFor, libraryHost } from "./host.ts";
import { type Documented, documented } from "./library.ts";
import { lines, printResult, summary } from "./terminal.ts";

/** What people ask for, in the order of the list. */
const kinds = {
  methods: "method",
  architectures: "arch",
  recipes: "recipe",
  formats: "format",
  functions: "fn",
} as const satisfies Readonly<Record<string, Documented["kind"]>>;

export const listCommand: Command = {
  builder: (yargs) =>
    declare(
      yargs.positional("WHAT", {
        type: "string",
        describe: "one of these kinds, or a part of the library such as prune; all but functions where it is not given",
      }),
      { json: flag("print the list as JSON") },
    ),
  handler: (flags) => {
    const what = flags["WHAT"] === undefined ? undefined : String(flags["WHAT"]).replace(/^std\//, "");
    const all = wholeLibrary();
    const found = chosen(all, what);
    if (found.length === 0) throw unknown(all, String(what));
    printResult(flags, found, (width) => showList(found, width) + others(all, found));
  },
};

/** All that the modules of the library declare. */
export const wholeLibrary = (): readonly Documented[] =>
  libraryHost().library.flatMap((module) => documented(entryFor(module)) ?? []);

function chosen(all: readonly Documented[], what: string | undefined): readonly Documented[] {
  if (what === undefined) return all.filter(({ kind }) => kind !== "fn");
  if (Object.hasOwn(kinds, what)) return all.filter(({ kind }) => kind === kinds[what as keyof typeof kinds]);
  return all.filter(({ module }) => module === `std/${what}` || module.startsWith(`std/${what}/`));
}

function unknown(all: readonly Documented[], what: string): UserError {
  const parts = all.flatMap(({ module }) => [module.slice(4), module.split("/")[1] ?? ""]);
  const known = [...new Set([...Object.keys(kinds), ...parts])];
  const near = nearest(what, known);
  const hint = near === undefined ? `there are ${Object.keys(kinds).join(", ")}` : `did you mean ${near}?`;
  return new UserError(`the library has no ${what}; ${hint}`, { exitCode: 2 });
}

/** A line for each declaration, by kinds and places: its name, and the first sentence about it, cut where the line ends. */
export function showList(found: readonly Documented[], width: number): string {
  const names = Math.max(...found.map(({ name }) => name.length));
  const row = ({ name, doc }: Documented): string => summary(name, doc, names, width);
  const groups = Object.entries(kinds).flatMap(([title, kind]) => {
    const places = Map.groupBy(
      found.filter((each) => each.kind === kind),
      placeOf,
    );
    return [...places].map(([place, some]) => lines(`${title} of ${place}`, ...some.map(row)));
  });
  return groups.join("\n");
}

/** Functions stand by their modules, all else by the folders of these. */
const placeOf = ({ kind, module }: Documented): string =>
  kind === "fn" ? module : module.split("/").slice(0, 2).join("/");

function others(all: readonly Documented[], found: readonly Documented[]): string {
  const functions = all.filter((each) => each.kind === "fn" && !found.includes(each)).length;
  const more = functions > 0 ? [`lcomp list functions lists ${functions} more`] : [];
  return `\n${lines("lcomp doc NAME says more of one", ...more)}`;
}
