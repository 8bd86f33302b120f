/** Several runs on one store: another recipe, a model that was moved, damage, and two at once. */
import { readdirSync, renameSync, truncateSync, utimesSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { StepRecord } from "../../runtime/store/journal.ts";
import { type Suite, suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { done, editSecond, filesOf, give, recordsIn, start, undisturbed, untilDone } from "./kills.ts";

const ofStage = (records: readonly StepRecord[], stage: string): number =>
  records.filter(({ part }) => part.of === stage).length;

function onOneStore({ test }: Suite): void {
  test(
    "another second stage does not do the first again, nor does a model that was touched or moved, nor is a given one evaluated again",
    inFolder(async (folder) => {
      const given = await give(folder);
      editSecond(given, "wanda(25%)");
      const store = ["--store", given.store, "--store-limit", "1GiB"];
      await done(given, "first", ...store);
      const before = recordsIn(given.store).length;
      editSecond(given, "wanda(50%)");
      renameSync(given.model, join(folder, "moved"));
      utimesSync(join(folder, "moved/model.safetensors"), 1, 1);
      const stderr = await done({ ...given, model: join(folder, "moved") }, "second", ...store);
      assert.match(stderr, /^going on from \S+store: \d+ of \d+ steps are done$/m);
      const made = recordsIn(given.store).slice(before);
      assert.is(ofStage(made, "narrow"), 0);
      assert.is(ofStage(made, "other"), 0);
      assert.ok(ofStage(made, "sparse") > 0);
      assert.equal(await filesOf(join(folder, "second")), (await undisturbed()).files);
    }),
  );

  test(
    "what is damaged is found and made again, and nothing else is",
    inFolder(async (folder) => {
      const given = await give(folder);
      const store = ["--store", given.store];
      await done(given, "first", ...store);
      const before = recordsIn(given.store).length;
      const content = join(given.store, "content");
      for (const name of readdirSync(content)) if (name < "4") truncateSync(join(content, name), 100);
      const stderr = await done(given, "second", ...store);
      assert.match(
        stderr,
        /^the store \S+ is damaged in \w+, .* and in \d+ more: that is made again when it is needed$/m,
      );
      assert.equal(await filesOf(join(folder, "second")), await filesOf(join(folder, "first")));
      const made = recordsIn(given.store).slice(before).length;
      assert.ok(made > 0 && made < before, `${made} of ${before}`);
    }),
  );

  test(
    "of two runs on one store the second is refused, and leaves the first alone",
    inFolder(async (folder) => {
      const given = await give(folder);
      const { child, ended } = start(given, "first", "--store", given.store);
      await untilDone(child, given.store, 1, 0);
      const second = await start(given, "second", "--store", given.store).ended;
      assert.is(second.status, 1);
      assert.match(
        second.stderr,
        new RegExp(`^lcomp: the store \\S+store is in use by another run \\(process ${child.pid}\\);`),
      );
      assert.is((await ended).status, 0);
      assert.equal(await filesOf(join(folder, "first")), (await undisturbed()).files);
      assert.not(readdirSync(folder).includes("second"));
    }),
  );
}

suite("run: one store", (tests) => {
  onOneStore(tests);
});
