/** What a run has done is not done again after SIGKILL and Ctrl-C. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { type Suite, suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { randomOf, seed } from "../ops/random.ts";
import { done, filesOf, give, killed, recordsIn, start, undisturbed, untilDone } from "./kills.ts";

function afterKills({ test }: Suite): void {
  test(
    "killed at three moments, it ends with the same bytes, and makes nothing twice that is there for good",
    inFolder(async (folder) => {
      const given = await give(folder);
      const { records } = await undisturbed();
      const random = randomOf("kills");
      const moments = Array.from({ length: 3 }, () => random.integer(0, records)).sort((a, b) => a - b);
      await killed(
        given,
        moments.map((count) => ({ count, more: random.integer(0, 50) })),
      );
    }),
  );

  test(
    "Ctrl-C says how to go on; the same command does, and then the store is gone",
    inFolder(async (folder) => {
      const given = await give(folder);
      const store = join(folder, ".out.store");
      const { child, ended } = start(given, "out");
      await untilDone(child, store, 5, 0);
      child.kill("SIGINT");
      const { status, stderr } = await ended;
      assert.is(status, 130, stderr);
      assert.match(
        stderr,
        /Interrupted; what is done is kept in \S+\.out\.store; the same command goes on from there\.\n$/,
      );
      assert.ok(!existsSync(join(folder, "out")));
      const before = recordsIn(store).length;
      assert.match(
        await done(given, "out"),
        new RegExp(`going on from \\S+\\.out\\.store: ${before} of \\d+ steps are done`),
      );
      assert.equal(await filesOf(join(folder, "out")), (await undisturbed()).files);
      assert.equal(
        readdirSync(folder).filter((name) => name.startsWith(".")),
        [],
      );
    }),
  );
}

suite(`run: resumed, LCOMP_SEED=${seed}`, (tests) => {
  afterKills(tests);
});
