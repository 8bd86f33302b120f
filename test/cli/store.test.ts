/** `lcomp store`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { StoreFolder } from "../../runtime/store/store-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { recordStep } from "../store/steps.ts";
import { lcomp, main } from "./lcomp.ts";

const opened = (folder: string): StoreFolder => new StoreFolder(join(folder, "store"));

/** A store of two runs, of which the second has one step of the first. */
const withStore = (body: (folder: string, store: (...args: readonly string[]) => ReturnType<typeof lcomp>) => void) =>
  inFolder(async (folder) => {
    const store = opened(folder);
    const run = { recipe: "half", bytes: 0, limit: Number.POSITIVE_INFINITY };
    store.begin({ ...run, kept: [] });
    await recordStep(store, "a", new Uint8Array(7000));
    await recordStep(store, "b", new Uint8Array(7000).fill(1), "wanda(sparsity: 60%)");
    store.begin({ ...run, kept: ["a"] });
    await recordStep(store, "a", new Uint8Array(7000));
    store.close();
    body(folder, (...args) => lcomp(folder, ["store", ...args], { entry: main }));
  });

suite("cli: store", ({ test }) => {
  test(
    "steps are listed by stage, and what no newest run has is cleaned away",
    withStore((_, store) => {
      const { status, stdout } = store("store");
      assert.is(status, 0);
      assert.equal(stdout.split("\n"), [
        "stage                          run      steps  repeated     bytes",
        "sparse = wanda(sparsity: 50%)  newest       1         1  6.84 KiB",
        "sparse = wanda(sparsity: 60%)  earlier      1            6.84 KiB",
        "",
        "13.67 KiB in all, and the hashes of 0 tensors of given models; of half",
        "",
      ]);
      const listed = JSON.parse(store("store", "--clean", "--json").stdout);
      const stage = {
        stage: "sparse",
        action: "wanda(sparsity: 50%)",
        steps: 1,
        repeated: 0,
        bytes: 7000,
        newest: true,
      };
      assert.equal(listed, { recipes: ["half"], stages: [stage], hashes: 0, bytes: 7000, freed: 7000 });
      assert.match(store("store", "--clean").stdout, /\n0 KiB are freed\n$/);
    }),
  );

  test(
    "what is no store, absent or in use is said",
    withStore((folder, store) => {
      writeFileSync(join(folder, "file"), "");
      const refused = (args: readonly string[], message: RegExp): void => {
        const { status, stdout, stderr } = store(...args);
        assert.equal([status, stdout], [1, ""]);
        assert.match(stderr, message);
      };
      refused(["nowhere"], /^lcomp: there is no store \S+nowhere\n$/);
      refused(
        ["."],
        /^lcomp: \S+ is no store of lcomp \(it has no lcomp\.store\.json\) and not empty; choose another folder\n$/,
      );
      refused(["file"], /^lcomp: \S+file is a file, and no store; choose another folder\n$/);
      const own = opened(folder);
      refused(
        ["store", "--clean"],
        /^lcomp: the store \S+store is in use by another run \(process \d+\); wait for its end/,
      );
      assert.is(store("store").status, 0);
      own.close();
    }),
  );
});
