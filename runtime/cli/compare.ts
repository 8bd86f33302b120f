/** `lcomp compare`: several results side by side, by their reports. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { Input } from "../io/apart.ts";
import { explainedNow, parseJson, readText } from "../io/file.ts";
import { UserError } from "../user-error.ts";
import { comparison, type ReadReport, showComparison } from "./compare-table.ts";
import { type Command, declare, flag, given, list, value } from "./flags.ts";
import { comparePage } from "./page/compare-page.ts";
import { recordIn } from "./page/html.ts";
import { pageFile } from "./page/page-file.ts";
import { lines, printResult, say } from "./terminal.ts";

export const compareCommand: Command = {
  builder: (yargs) =>
    declare(
      yargs.positional("RESULT", {
        type: "string",
        array: true,
        describe: "the folder of a result, its report, or what lcomp run --json has printed",
      }),
      {
        report: value("a page with the table, and a picture of size against loss"),
        force: flag("replace an earlier page"),
        json: flag("print the comparison as JSON"),
      },
    ),
  handler: async (flags) => {
    const places = list(flags, "RESULT").map((path) => ({ path, file: reportOf(path) }));
    const asked = given(flags, "report");
    const inputs = places.map(({ file }): Input => ({ what: "one of the reports", path: file, reads: () => false }));
    const page = asked === undefined ? null : pageFile(asked, { inputs, force: flags["force"] === true });
    const reports: ReadReport[] = [];
    for (const { path, file } of places)
      reports.push({ path: path.replace(/\.report\.html$/, ""), report: await readReport(file) });
    const found = comparison(reports);
    printResult(flags, found, (width) => showComparison(found, width));
    if (page === null) return;
    page.write(await comparePage(found));
    say(process.stderr, lines(`${page.shown}: the results side by side`));
  },
};

/** The file that tells of a result: itself, or what lies beside its folder. */
function reportOf(path: string): string {
  const status = explainedNow("read", path, () => statSync(path, { throwIfNoEntry: false }));
  if (status === undefined) throw new UserError(`there is no result ${path}`);
  if (!status.isDirectory()) return path;
  const beside = `${resolve(path)}.report.html`;
  if (explainedNow("read", beside, () => statSync(beside, { throwIfNoEntry: false }))) return beside;
  throw new UserError(
    `${path} has no report beside it (${beside}); name the report, or a file with what lcomp run --json printed`,
  );
}

async function readReport(file: string): Promise<unknown> {
  const text = await readText(file);
  const record = text.trimStart().startsWith("{") ? text : recordIn(text);
  if (record === undefined) throw new UserError(`${file} is no report of lcomp run`);
  return parseJson(record, file);
}
