/** docs/results.md and what lies beside it are what `npm run report` makes of the rows. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { models } from "../../report/models.ts";
import { page } from "../../report/page.ts";
import { difference } from "../../report/pairs.ts";
import { recipes } from "../../report/recipe.ts";
import { referenceOf } from "../../report/references.ts";
import { readResult, readTaskResult } from "../../report/result.ts";
import { allRows, folder, isTaskRow, rowPath, rows, shownCommand, taskRows } from "../../report/rows.ts";
import { readRecipe } from "../../runtime/cli/recipe.ts";
import { suite } from "../harness/suite.ts";
import { root } from "./sources.ts";

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

  test("rows have what PyTorch finds: masks and nearest codes to the rounding, what is swept within two errors", () => {
    const recorded = rows().flatMap((row) => {
      const [reference, result] = [referenceOf(row), readResult(row)];
      return reference === undefined || result === undefined ? [] : [{ row, reference, result }];
    });
    assert.ok(recorded.length >= 14);
    for (const { row, reference, result } of recorded) {
      const apart = Math.abs(Math.log(reference / result.perplexity.small));
      const isSwept = /gptq|sparsegpt/.test(row.method);
      assert.ok(apart < (isSwept ? 2 * result.lost_error : 1e-5), `${row.name}: ${apart}`);
    }
  });

  test("each result is of its row's command", () => {
    for (const row of allRows()) {
      const result = isTaskRow(row) ? readTaskResult(row) : readResult(row);
      if (result !== undefined) assert.is(result.command, shownCommand(row));
    }
  });
});
