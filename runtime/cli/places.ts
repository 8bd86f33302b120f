/** The places that a run writes to: the folder of its result, and the store of what its steps have made. */
import { lstatSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Input, requireApart } from "../io/apart.ts";
import { isInside } from "../io/file.ts";
import { finalTarget } from "../io/folders.ts";
import { OutputFolder } from "../io/output-folder.ts";
import { StoreFolder, temporaryFolder } from "../store/store-folder.ts";
import { UserError } from "../user-error.ts";
import { type Flags, flag, given, value } from "./flags.ts";
import { type PageFile, pageFile } from "./page/page-file.ts";
import { lines, say } from "./terminal.ts";

export const placeFlags = {
  out: value("the folder for the result"),
  report: value("the file for the report, a page of HTML", { defaultDescription: "OUT.report.html beside the result" }),
  force: flag("replace an earlier result in that folder, and its report"),
  store: value("a folder that keeps what steps have made, for later runs", {
    defaultDescription: "beside the result, until that is there",
  }),
};

export interface Places {
  /** Null if nothing is saved. */
  readonly output: OutputFolder | null;
  readonly folder: StoreFolder;
  /** Null where there is no result to be beside, and none is asked for. */
  readonly report: PageFile | null;
  /** Whether the store goes once the result is there. */
  readonly isPassing: boolean;
}

/** A recipe or a plan, and what it reads. */
interface Saving {
  readonly name: string;
  readonly isSaving: boolean;
  readonly inputs: readonly Input[];
}

/** Those of what saves nothing and has no report. */
export const openStore = (inputs: Saving["inputs"], flags: Flags): Pick<Places, "output" | "folder"> => ({
  output: null,
  folder: openFolder({ inputs }, null, flags),
});

/** Opens both. What is wrong with them is said before anything else is done. */
export function openPlaces(saving: Saving, flags: Flags): Places {
  const output = openOutput(saving, flags);
  try {
    const report = openReport(saving, output, flags);
    return {
      output,
      report,
      folder: openFolder(saving, output, flags),
      isPassing: given(flags, "store") === undefined,
    };
  } catch (error) {
    output?.abort();
    throw error;
  }
}

function openOutput({ name, isSaving, inputs }: Saving, flags: Flags): OutputFolder | null {
  const out = given(flags, "out");
  if (isSaving && out === undefined) throw new UserError(`${name} saves its result: add --out DIR`, { exitCode: 2 });
  if (!isSaving && out !== undefined)
    throw new UserError(`${name} saves nothing: leave out --out, or add a \`save\` to the recipe`, { exitCode: 2 });
  if (out === undefined) return null;
  const output = new OutputFolder(out, { force: flags["force"] === true, inputs });
  say(process.stderr, lines(...output.repairs));
  return output;
}

/** The file that is named, or one beside the result, which it describes: there it takes the place of an earlier one with it. */
function openReport({ inputs }: Saving, output: OutputFolder | null, flags: Flags): PageFile | null {
  const named = given(flags, "report");
  if (named === undefined) return output && pageFile(`${output.target}.report.html`, { inputs, force: true });
  const target = finalTarget(named);
  if (output !== null && (target === output.target || isInside(target, output.target)))
    throw new UserError(`the report ${named} would lie in the result ${output.target}; choose another --report`);
  return pageFile(named, { inputs, force: flags["force"] === true });
}

/** The store that is named, or a hidden one beside the result, which the next run finds again; else it lasts as long as the run. */
function openFolder({ inputs }: Pick<Saving, "inputs">, output: OutputFolder | null, flags: Flags): StoreFolder {
  const named = given(flags, "store");
  if (named !== undefined) {
    const path = finalTarget(named);
    requireApart(path, inputs);
    if (output !== null) requireBeside(path, output.target);
    return new StoreFolder(path);
  }
  if (output === null) return temporaryFolder();
  const path = join(dirname(output.target), `.${basename(output.target)}.store`);
  requireOwn(path);
  return new StoreFolder(path);
}

function requireBeside(store: string, result: string): void {
  if (store !== result && !isInside(store, result) && !isInside(result, store)) return;
  throw new UserError(`the store ${store} and the result ${result} lie in one another; choose another --store`);
}

/** What lies under a name that anybody can know must not be somebody else's. */
function requireOwn(path: string): void {
  const [found, own] = [lstatSync(path, { throwIfNoEntry: false }), process.getuid?.()];
  if (found === undefined || own === undefined || (found.uid === own && !found.isSymbolicLink())) return;
  throw new UserError(`the store ${path} is not this user's; remove it, or give another place with --store`);
}

/** Gives both up, and says what stays and what goes on from there; null where nothing does. */
export function leave(
  { output, folder }: Pick<Places, "output" | "folder">,
  goesOn = "the same command goes on from there",
): string | null {
  folder.close();
  output?.abort(); // after what lies beside it
  return folder.keeps ? `what is done is kept in ${folder.path}; ${goesOn}` : null;
}
