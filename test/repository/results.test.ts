/** docs/results.md and what lies beside it are what `npm run report` makes of the rows. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { computedBy } from "../../report/computed.ts";
import { keptBy } from "../../report/due.ts";
import { models } from "../../report/models.ts";
import { page } from "../../report/page.ts";
import { difference } from "../../report/pairs.ts";
import { recipes } from "../../report/recipe.ts";
import { referenceOf } from "../../report/references.ts";
import { type Found, readFound, readResult, readTaskResult } from "../../report/result.ts";
import { allRows, folder, isTaskRow, type Row, rowPath, rows, shownCommand, taskRows } from "../../report/rows.ts";
import { readRecipe } from "../../runtime/cli/recipe.ts";
import { suite } from "../harness/suite.ts";
import { root } from "./sources.ts";

const rowNamed = (wanted: string): Row => {
  const found = allRows().find(({ name }) => name === wanted);
  assert.ok(found, wanted);
  return found as Row;
};

const read = (path: string): string => readFileSync(join(root, path), "utf8");

suite("results", ({ test }) => {
  test("the page is what its rows give", () => {
    assert.is(read(`${folder}.md`), page());
  });

  test("each method has the recipes that are written for it, which are accepted", () => {
    for (const [path, text] of recipes()) assert.is(read(path), text);
    for (const recipe of new Set(allRows().map((row) => row.recipe)))
      assert.type(readRecipe(join(root, recipe)).loaded.name, "string");
  });

  test("two rows are compared window by window", () => {
    const [one, other] = [{ lost_in_windows: [1, 5, 9] }, { lost_in_windows: [2, 6, 10] }];
    assert.equal(difference(one, other), { less: 1, error: 0 });
    assert.equal(difference({ lost_in_windows: [1, 3] }, { lost_in_windows: [2, 6] }), { less: 2, error: 1 });
  });

  test("rows have names of their own, and no file is of no row", () => {
    const paths = allRows().map(rowPath);
    assert.is(new Set(paths).size, paths.length);
    const wanted = new Set([...paths, ...recipes().keys()]);
    const found = globSync(`${folder}/*`, { cwd: root }).map((path) => path.replaceAll("\\", "/"));
    assert.equal(
      found.filter((path) => !wanted.has(path)),
      [],
    );
  });

  test("every row that is asked is there to be asked", () => {
    const named = Object.values(models).flatMap(({ questions }) => questions?.of ?? []);
    assert.is(taskRows().length, named.length);
  });

  test("few bits cost less with AWQ's scales than without, on every model", () => {
    const scaled = globSync(`${folder}/*-awq-bits[234]-*.json`, { cwd: root });
    assert.ok(scaled.length >= 6);
    const perplexityOf = (path: string): number => JSON.parse(read(path)).perplexity.small;
    for (const path of scaled) assert.ok(perplexityOf(path) <= perplexityOf(path.replace("-awq-", "-rtn-")), path);
  });

  test("rows have what PyTorch finds: to 1e-5, and what is swept to what rounding decides", () => {
    const recorded = rows().flatMap((row) => {
      const [reference, result] = [referenceOf(row), readResult(row)];
      return reference === undefined || result === undefined ? [] : [{ row, reference, result }];
    });
    assert.ok(recorded.length >= 14);
    for (const { row, reference, result } of recorded) {
      const apart = Math.abs(Math.log(reference.perplexity / result.perplexity.small));
      const most = /gptq|sparsegpt/.test(row.method) ? 1e-4 + 2 * reference.spread : 1e-5;
      assert.ok(apart < most, `${row.name}: ${apart}, of at most ${most}`);
    }
  });

  test("a row whose texts have changed stays where the same is computed, and is stale where not, or nobody knows", async () => {
    const row = rowNamed("tiny-rtn-bits4-every64");
    const sources = { recipe: "a recipe", library: "another text" };
    const result = { command: shownCommand(row), recipe: "a recipe", library: "a text", computes: "this" };
    const kept = (reason: string | undefined, of: Found, computed: string | undefined): Promise<Found | undefined> =>
      keptBy(row, sources, { reason, result: of }, () => Promise.resolve(computed));
    const { computes, ...untold } = result;
    assert.equal(await kept("another library", result, computes), { ...result, library: "another text" });
    assert.equal(await kept(undefined, untold, computes), { ...result, library: "another text" });
    for (const computed of ["that", undefined])
      assert.is(await kept("another library", result, computed), undefined, computed);
    assert.is(await kept("another library", untold, computes), undefined);
    assert.is(await kept("another command", result, computes), undefined);
    assert.is(await kept(undefined, result, "that"), undefined);
  });

  test("what rows compute follows from their commands, and from what is asked of the models that they make", async () => {
    const row = rowNamed("tiny-rtn-bits2-every64-facts");
    const after = (old: string, changed: string): Promise<string> =>
      computedBy({
        ...row,
        commands: row.commands.map((words) => words.map((word) => (word === old ? changed : word))),
      });
    const before = await computedBy(row);
    assert.is(await after("json", "quiet"), before);
    assert.is.not(await after("2", "3"), before);
    assert.is.not(await after("80", "79"), before);
  });

  test("every result says what was computed", () => {
    const made = allRows().flatMap((row) => readFound(row) ?? []);
    assert.ok(made.length > 140);
    for (const { command, computes } of made) assert.type(computes, "string", command);
  });

  test("each result is of its row's command", () => {
    for (const row of allRows()) {
      const result = isTaskRow(row) ? readTaskResult(row) : readResult(row);
      if (result !== undefined) assert.is(result.command, shownCommand(row));
    }
  });
});
