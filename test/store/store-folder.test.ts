import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { readHeader, type StoredTensor } from "../../runtime/io/safetensors.ts";
import { hiddenBeside } from "../../runtime/io/unfinished.ts";
import { markerName, StoreFolder } from "../../runtime/store/store-folder.ts";
import { type Suite, suite } from "../harness/suite.ts";
import { inFolder, refused, writeSafetensors } from "../io/folder.ts";
import { onSmallDisk } from "../io/small-disk.ts";
import { bytesOf, outputOf, recordStep } from "./steps.ts";

/** Too many for a line of the journal. */
const many = (value: number): Uint8Array => new Uint8Array(5000).fill(value);
const few = Uint8Array.of(1, 2, 3, 4, 5);

/** Opens a store for the time of `use`; what it said of damage is returned. */
async function using(path: string, use: (store: StoreFolder) => Promise<void>): Promise<string | null> {
  const store = new StoreFolder(path);
  try {
    await use(store);
  } finally {
    store.close();
  }
  return store.damage;
}

const contentsOf = (store: string): readonly string[] => readdirSync(join(store, "content"));

function remember({ test }: Suite): void {
  test(
    "what steps made is there for the next one; of a step that was repeated the newest, and each time is counted",
    inFolder(async (folder) => {
      const path = join(folder, "new/store");
      await using(path, async (store) => {
        assert.is(store.isEmpty, true);
        await recordStep(store, "a", many(1));
        await recordStep(store, "b", few);
        await recordStep(store, "a", many(2));
      });
      assert.equal(readdirSync(path), ["content", "journal", markerName]);
      const damage = await using(path, async (store) => {
        assert.is(contentsOf(path).length, 1);
        assert.is(store.isEmpty, false);
        assert.equal(await outputOf(store, "a"), many(2));
        assert.equal(await outputOf(store, "b"), few);
        assert.is(store.find("c"), undefined);
        assert.equal(
          store.records().map(({ key }) => key),
          ["a", "b", "a"],
        );
      });
      assert.is(damage, null);
    }),
  );

  test(
    "equal contents lie in one file, which goes with the last output that has it",
    inFolder(async (folder) => {
      const path = join(folder, "store");
      await using(path, async (store) => {
        const [a] = (await recordStep(store, "a", many(1))).outputs;
        const [b] = (await recordStep(store, "b", many(1))).outputs;
        assert.is(contentsOf(path).length, 1);
        if (a !== undefined) store.drop("a", a);
        assert.equal(await outputOf(store, "b"), many(1));
        if (b !== undefined) store.drop("b", b);
        assert.equal(contentsOf(path), []);
      });
      const damage = await using(path, async (store) => {
        assert.equal(store.find("a")?.outputs, []);
        assert.is(await outputOf(store, "b"), undefined);
      });
      assert.is(damage, null);
    }),
  );

  test(
    "a content stays until everyone has released it, whether a step has it or not",
    inFolder(async (folder) => {
      const path = join(folder, "store");
      const make = async (store: StoreFolder) => {
        const writer = await store.create({ name: "out", dtype: "U8", shape: [5000] });
        await writer.write(many(1));
        return (await writer.finish()).tensor;
      };
      await using(path, async (store) => {
        const [first, second] = [await make(store), await make(store)];
        store.release(first);
        assert.equal(await bytesOf(second), many(1));
        store.release(second);
        assert.equal(contentsOf(path), []);
        await recordStep(store, "a", many(1));
      });
      await using(path, async (store) => {
        const [output] = store.find("a")?.outputs ?? [];
        const opened = output && (await store.open("a", output));
        assert.ok(output && opened);
        store.drop("a", output);
        assert.equal(await bytesOf(opened), many(1));
        store.release(opened);
        assert.equal(contentsOf(path), []);
      });
    }),
  );

  test(
    "the hash of a tensor is remembered as long as nobody has touched its file",
    inFolder(async (folder) => {
      const header = {
        w: { dtype: "U8", shape: [1], data_offsets: [0, 1] },
        v: { dtype: "U8", shape: [1], data_offsets: [1, 2] },
      };
      const tensors = async (path: string): Promise<readonly [StoredTensor, StoredTensor]> =>
        (await readHeader(path)).tensors as unknown as readonly [StoredTensor, StoredTensor];
      const path = writeSafetensors(folder, header, 2);
      await using(join(folder, "store"), async (store) => {
        const [w, v] = await tensors(path);
        assert.is(store.knowsFileOf(w), false);
        store.rememberHash(w, "hash of w");
        await recordStep(store, "a", few);
        assert.equal([store.hashOf(w), store.hashOf(v), store.knowsFileOf(v)], ["hash of w", undefined, true]);
      });
      const copied = join(folder, "copied.safetensors");
      cpSync(path, copied, { preserveTimestamps: true });
      await using(join(folder, "store"), async (store) => {
        assert.is(store.hashOf((await tensors(path))[0]), "hash of w");
        assert.is(store.hashOf((await tensors(copied))[0]), undefined);
        const { atime, mtime } = statSync(path);
        utimesSync(path, atime, mtime);
        store.rememberHash((await tensors(path))[0], "hash of w");
        const bytes = readFileSync(path);
        writeFileSync(path, bytes.with(bytes.length - 1, 1));
        utimesSync(path, atime, mtime);
        assert.is(store.hashOf((await tensors(path))[0]), undefined);
      });
    }),
  );
}

function surviveDamage({ test }: Suite): void {
  test(
    "a line that is torn or changed counts for nothing, and the next one is whole",
    inFolder(async (folder) => {
      const path = join(folder, "store");
      const journal = join(path, "journal");
      await using(path, async (store) => {
        for (const key of ["a", "b", "c"]) await recordStep(store, key, few);
      });
      const text = readFileSync(journal, "utf8");
      writeFileSync(journal, text.replace('"key":"a"', '"key":"x"').slice(0, -10));
      await using(path, async (store) => {
        assert.equal(
          ["a", "x", "b", "c"].map((key) => store.find(key) !== undefined),
          [false, false, true, false],
        );
        await recordStep(store, "c", few);
      });
      appendFileSync(journal, "\n{}\n\0\0\0\0 []\n");
      await using(path, async (store) => assert.equal(await outputOf(store, "c"), few));
    }),
  );

  test(
    "a content that is changed, cut off or missing is found, and is made again",
    inFolder(async (folder) => {
      const path = join(folder, "store");
      const file = (): string => join(path, "content", contentsOf(path)[0] ?? "");
      await using(path, async (store) => void (await recordStep(store, "a", many(1))));
      const damages = [
        () => writeFileSync(file(), many(1).with(17, 0)),
        () => truncateSync(file(), 4999),
        () => appendFileSync(file(), "x"),
      ];
      for (const spoil of damages) {
        spoil();
        const damage = await using(path, async (store) => {
          assert.is(await outputOf(store, "a"), undefined);
          assert.is(store.find("a")?.outputs.length, 0);
          assert.equal(contentsOf(path), []);
          await recordStep(store, "a", many(1));
          assert.equal(await outputOf(store, "a"), many(1));
        });
        assert.match(
          damage ?? "",
          /^the store \S+store is damaged in sparse, layer 0, q: that is made again when it is needed$/,
        );
      }
      damages[0]?.();
      await using(path, async (store) => {
        await recordStep(store, "b", many(1)); // beside a damaged file of the same name
        assert.equal(await outputOf(store, "b"), many(1));
      });
      rmSync(file());
      assert.is(await using(path, async (store) => assert.equal(store.find("a")?.outputs, [])), null);
    }),
  );
}

function stayWithin({ test }: Suite): void {
  const begin = (store: StoreFolder, kept: readonly string[], limit = Infinity, recipe = "first"): void =>
    store.begin({ recipe, kept, bytes: 5000, limit });
  const there = (store: StoreFolder): readonly string[] =>
    ["a", "b", "c", "d"].filter((key) => store.find(key)?.outputs.length === 1);

  test(
    "where a run needs room within the limit, what others have left goes, the oldest first",
    inFolder(async (folder) => {
      const path = join(folder, "store");
      await using(path, async (store) => {
        begin(store, []);
        for (const [i, key] of ["a", "b", "c"].entries()) await recordStep(store, key, many(i));
      });
      await using(path, async (store) => {
        begin(store, ["a"], 20_000);
        assert.equal(there(store), ["a", "b", "c"]);
        begin(store, ["a"], 19_999);
        assert.equal(there(store), ["a", "c"]);
        assert.is(contentsOf(path).length, 2);
        begin(store, ["a"], 0);
        assert.equal(there(store), ["a"]);
      });
    }),
  );

  test(
    "cleaning leaves what the newest run of each recipe has, unless it is damaged",
    inFolder(async (folder) => {
      const path = join(folder, "store");
      await using(path, async (store) => {
        begin(store, []);
        for (const [i, key] of ["a", "b", "c"].entries()) await recordStep(store, key, many(i));
        begin(store, ["a"]);
        await recordStep(store, "d", few);
        begin(store, ["b"], Infinity, "second");
        const [damaged] = store.find("b")?.outputs ?? [];
        writeFileSync(join(path, "content", damaged?.sha256 ?? ""), "");
      });
      const size = readFileSync(join(path, "journal")).byteLength;
      await using(path, async (store) => {
        assert.is(await store.clean(), 10_000);
        await recordStep(store, "c", few);
      });
      assert.ok(readFileSync(join(path, "journal")).byteLength < size);
      await using(path, async (store) => {
        assert.equal(there(store), ["a", "c", "d"]);
        assert.equal(await outputOf(store, "a"), many(0));
        assert.equal(
          store.records().map(({ key }) => key),
          ["a", "d", "b", "c"],
        );
      });
    }),
  );
}

/** A child that has a store; the first line that it says. */
async function holder(path: string, bytes?: number) {
  const args = [join(import.meta.dirname, "hold-store.ts"), path, ...(bytes === undefined ? [] : [String(bytes)])];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, line: String(line).trim() };
}

function shareIt({ test, skip }: Suite): void {
  test(
    "one process has a store at a time; what a killed one has left is taken over, and nothing of it lies about",
    inFolder(async (folder) => {
      const path = join(folder, "store");
      const { child, line } = await holder(path, 5000);
      assert.is(line, "open");
      await refused(
        () => new StoreFolder(path),
        new RegExp(`the store \\S+store is in use by another run \\(process ${child.pid}\\)`),
      );
      child.kill("SIGKILL");
      await once(child, "exit");
      writeFileSync(join(path, "content", "0".repeat(64)), "of a step that was never recorded");
      await using(path, async (store) => {
        assert.equal(await outputOf(store, "of a child"), new Uint8Array(5000));
        assert.is(contentsOf(path).length, 1);
        assert.is(readdirSync(path).filter((name) => name.startsWith(".owner")).length, 1);
      });
      assert.equal(readdirSync(path), ["content", "journal", markerName]);
    }),
  );

  test(
    "a folder of another kind, or of another version, is refused and left as it is",
    inFolder(async (folder) => {
      const open = (path: string) => () => new StoreFolder(path);
      const file = join(folder, "file");
      writeFileSync(file, "");
      await refused(open(file), /file is a file, and no store; choose another folder/);
      await refused(open(folder), /is no store of lcomp \(it has no lcomp.store.json\) and not empty; choose another/);
      assert.equal(readdirSync(folder), ["file"]);
      mkdirSync(join(folder, "old"));
      writeFileSync(join(folder, "old", markerName), '{"version":0}');
      await refused(
        open(join(folder, "old")),
        /old is a store of another version of lcomp, or damaged; .*remove the folder/,
      );
    }),
  );

  test(
    "one that cannot be read is let go of",
    inFolder(async (folder) => {
      const path = join(folder, "store");
      await using(path, async (store) => void (await recordStep(store, "a", few)));
      rmSync(join(path, "journal"));
      mkdirSync(join(path, "journal"));
      await refused(() => new StoreFolder(path), /cannot read .*journal: it is a folder/);
      assert.equal(readdirSync(path), ["content", "journal", markerName]);
    }),
  );

  test(
    "of a store in which no step has ended, and of a temporary one, nothing stays",
    inFolder(async (folder) => {
      await using(join(folder, "new/store"), async (store) => {
        const writer = await store.create({ name: "out", dtype: "U8", shape: [5000] });
        await writer.write(many(1));
        await writer.abandon();
      });
      assert.equal(readdirSync(folder), []);
      mkdirSync(join(folder, "mine"));
      writeFileSync(
        hiddenBeside(join(folder, "mine", markerName), "partial").replace(`-${process.pid}-`, "-999999999-"),
        "{",
      );
      await using(join(folder, "mine"), async () => undefined);
      assert.equal(readdirSync(folder), ["mine"]);
      const store = new StoreFolder(join(folder, "temporary"), { isTemporary: true });
      await recordStep(store, "a", many(1));
      store.close();
      store.close();
      assert.equal(readdirSync(folder), ["mine"]);
      const removed = new StoreFolder(join(folder, "mine"));
      await recordStep(removed, "a", many(1));
      removed.remove();
      assert.equal(readdirSync(folder), []);
    }),
  );

  const unix = process.platform === "win32" ? (name: string) => skip(name, "there are no such disks") : test;
  unix(
    "a full disk ends it with a sentence, and what was there before is there after",
    inFolder(async (folder) => {
      const script = join(import.meta.dirname, "hold-store.ts");
      const { stdout } = onSmallDisk(folder, 1, [process.execPath, script, "disk/store", "2000000"]);
      assert.match(stdout, /^cannot write \S+disk\/store: the disk is full; free some space or choose another place$/m);
    }),
  );
}

suite("store: folder", (tests) => {
  remember(tests);
  surviveDamage(tests);
  stayWithin(tests);
  shareIt(tests);
});
