import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { explained } from "../../runtime/io/file.ts";
import { lockName } from "../../runtime/io/lock.ts";
import { OutputFolder } from "../../runtime/io/output-folder.ts";
import { type Suite, suite } from "../harness/suite.ts";
import { inFolder, refused, writeFolder } from "./folder.ts";
import { onSmallDisk } from "./small-disk.ts";
import { declarations, readTensor } from "./tensors.ts";

const child = (name: string) => join(import.meta.dirname, ".", name);

async function writeModel(path: string, limit: number): Promise<void> {
  await writeFolder(path, async (folder) => {
    await folder.write("config.json", '{"vocab_size": 3}\n');
    const tensors = await folder.tensors(declarations, { limit });
    await tensors.write("b", new Uint8Array(100).fill(2));
    await tensors.write("c", new Uint8Array(40).fill(3));
    await tensors.write("d", new Uint8Array(3).fill(4));
    await tensors.write("a", new Uint8Array(8).fill(1), 8);
    await tensors.write("a", new Uint8Array(8).fill(5));
    await tensors.close();
  });
}

function writeWhole({ test }: Suite): void {
  test(
    "weights below the limit are one file, above it numbered files with an index",
    inFolder(async (folder) => {
      await writeModel(join(folder, "one"), 159);
      assert.equal(readdirSync(join(folder, "one")), ["config.json", "model.safetensors"]);
      await writeModel(join(folder, "many"), 60);
      const shards = [1, 2, 3].map((shard) => `model-0000${shard}-of-00003.safetensors`);
      assert.equal(readdirSync(join(folder, "many")), ["config.json", ...shards, "model.safetensors.index.json"]);
      const index = JSON.parse(readFileSync(join(folder, "many", "model.safetensors.index.json"), "utf8"));
      assert.equal(index, {
        metadata: { total_size: 159 },
        weight_map: { a: shards[0], b: shards[1], c: shards[2], d: shards[2] },
      });
      for (const name of ["one", "many"]) {
        const { tensors } = await openCheckpoint(join(folder, name));
        const values = new Map(
          await Promise.all(
            [...tensors.values()].map(async (tensor) => [tensor.name, await readTensor(tensor)] as const),
          ),
        );
        assert.equal(
          values.get("a"),
          Uint8Array.from({ length: 16 }, (_, i) => (i < 8 ? 5 : 1)),
        );
        assert.equal(values.get("b"), new Uint8Array(100).fill(2));
        assert.equal(values.get("c"), new Uint8Array(40).fill(3));
        assert.equal(values.get("d"), new Uint8Array(3).fill(4));
      }
    }),
  );

  test(
    "the same content gives the same bytes in two places",
    inFolder(async (folder) => {
      for (const place of ["here", "there/and/deeper"]) await writeModel(join(folder, place), 60);
      const read = (place: string) =>
        readdirSync(join(folder, place)).map((name) => [name, readFileSync(join(folder, place, name), "hex")]);
      assert.equal(read("here"), read("there/and/deeper"));
    }),
  );

  test(
    "a folder is absent until it is complete, then nothing else is left",
    inFolder(async (folder) => {
      const target = join(folder, "new/out");
      const output = new OutputFolder(target);
      await output.write("a", "1");
      assert.not(existsSync(target));
      assert.match(
        readdirSync(join(folder, "new")).join(),
        new RegExp(`^\\.out\\.partial-${process.pid}-[0-9a-f]{8}-[0-9a-f]{8}$`),
      );
      output.finish();
      output.abort();
      assert.equal(readdirSync(join(folder, "new")), ["out"]);
      assert.is(statSync(target).mode & 0o777, 0o777 & ~process.umask());
    }),
  );
}

function abortCleanly({ test }: Suite): void {
  test(
    "abort leaves nothing, not even the parents it made, and may be called twice",
    inFolder(async (folder) => {
      const output = new OutputFolder(join(folder, "new/deep/out"));
      await output.tensors(declarations);
      await output.write("a", "1");
      output.abort();
      output.abort();
      assert.equal(readdirSync(folder), []);
    }),
  );

  test(
    "an exception while writing leaves nothing",
    inFolder(async (folder) => {
      await refused(
        () => writeFolder(join(folder, "out"), async (output) => output.copy(folder, ["absent"])),
        /cannot read .*absent: there is no such file/,
      );
      assert.equal(readdirSync(folder), []);
    }),
  );
}

function respectTargets({ test }: Suite): void {
  test(
    "an earlier result is refused without force, and with it replaced at the very end",
    inFolder(async (folder) => {
      const target = join(folder, "out");
      await writeFolder(target, async (output) => {
        await output.write("old", "old");
        await output.write(lockName, JSON.stringify({ files: [lockName, "old"] }));
      });
      await refused(() => new OutputFolder(target), /out: the folder is not empty; .*--force/);
      const output = new OutputFolder(target, { force: true });
      await output.write("deep/new", "new");
      await output.write(lockName, JSON.stringify({ files: ["deep/new", lockName] }));
      assert.equal(readdirSync(target), [lockName, "old"]);
      output.finish();
      assert.equal(readdirSync(target), ["deep", lockName]);
      assert.equal(readdirSync(folder), ["out"]);
      const aborted = new OutputFolder(target, { force: true });
      aborted.abort();
      assert.equal(readdirSync(target), ["deep", lockName]);
    }),
  );

  test(
    "what is no earlier result is never replaced, nor is one that somebody has put something into",
    inFolder(async (folder) => {
      mkdirSync(join(folder, "mine"));
      writeFileSync(join(folder, "mine/thesis"), "");
      for (const force of [false, true])
        await refused(
          () => new OutputFolder(join(folder, "mine"), { force }),
          /mine: .* no result of lcomp .*; choose another/,
        );
      for (const [lock, stray] of [
        [`{"files":["${lockName}"]}`, "deep/thesis"],
        ["{}", ".git/HEAD"],
        ["", ".git/HEAD"],
      ] as const) {
        const target = join(folder, stray.replace("/", "-"));
        mkdirSync(join(target, stray, ".."), { recursive: true });
        writeFileSync(join(target, stray), "");
        writeFileSync(join(target, lockName), lock);
        await refused(
          () => new OutputFolder(target, { force: true }),
          new RegExp(`will not replace .*: ${stray} in it`),
        );
        rmSync(target, { recursive: true });
      }
      const target = join(folder, "before");
      mkdirSync(target);
      writeFileSync(join(target, "old"), "");
      writeFileSync(join(target, lockName), "{}");
      new OutputFolder(target, { force: true }).finish();
      assert.equal(readdirSync(target), []);
    }),
  );

  test(
    "an empty target is used, also through a link",
    inFolder(async (folder) => {
      mkdirSync(join(folder, "real"));
      symlinkSync(join(folder, "real"), join(folder, "link"));
      await writeFolder(join(folder, "link"), (output) => output.write("a", "1"));
      assert.equal(readdirSync(folder), ["link", "real"]);
      assert.equal(readdirSync(join(folder, "real")), ["a"]);
    }),
  );

  test(
    "nothing is written in place of the working directory, of what holds it or a home, or of a mount point",
    inFolder(async (folder) => {
      for (const force of [false, true]) {
        for (const path of ["/", process.cwd(), join(process.cwd(), ".."), ".", homedir(), join(homedir(), "..")])
          await refused(() => new OutputFolder(path, { force }), /it is, or holds, the (working|home) directory/);
        await refused(() => new OutputFolder("/proc", { force }), /it is a mount point; choose a folder in it/);
      }
      assert.equal(readdirSync(folder), []);
    }),
  );
}

function refuseTargets({ test }: Suite): void {
  test(
    "a target that cannot be written is refused by name",
    inFolder(async (folder) => {
      const file = join(folder, "file");
      writeFileSync(file, "");
      await refused(() => new OutputFolder(file), /cannot write .*file: a file is there/);
      await refused(() => new OutputFolder(join(file, "below")), /cannot write .*below: a part of this path is a file/);
      await refused(() => new OutputFolder(join(file, "far/below")), /a part of this path is a file/);
      await refused(
        () => new OutputFolder("/proc/lcomp"),
        /\/proc\/lcomp: .*(no folder can be made there|not permit|denied)/,
      );
      await refused(
        () => new OutputFolder("/proc/lcomp/deep/down"),
        /\/proc\/lcomp: .*(no folder can be made there|not permit|denied)/,
      );
      await refused(() => new OutputFolder(join(folder, "x".repeat(300))), /the name is too long/);
      symlinkSync(join(folder, "nowhere"), join(folder, "dangling"));
      await refused(() => new OutputFolder(join(folder, "dangling")), /dangling: there is no such/);
      assert.equal(readdirSync(folder).sort(), ["dangling", "file"]);
    }),
  );

  test(
    "a target that was filled meanwhile is left alone, and the result lies beside it",
    inFolder(async (folder) => {
      const target = join(folder, "out");
      const write = writeFolder(target, async (output) => {
        mkdirSync(target);
        writeFileSync(join(target, "theirs"), "");
        await output.write("ours", "");
      });
      await refused(() => write, /is not empty.*\. The result is complete and lies in .*out-1$/);
      assert.equal(readdirSync(folder), ["out", "out-1"]);
      assert.equal(readdirSync(`${target}-1`), ["ours"]);
      assert.equal(readdirSync(target), ["theirs"]);
    }),
  );

  test(
    "companions are copied byte for byte, and what was written before is kept",
    inFolder(async (folder) => {
      mkdirSync(join(folder, "model"));
      const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => i * 7);
      writeFileSync(join(folder, "model/tokenizer.json"), bytes);
      writeFileSync(join(folder, "model/generation_config.json"), "theirs");
      chmodSync(join(folder, "model/tokenizer.json"), 0o400);
      await writeFolder(join(folder, "out"), async (output) => {
        await output.write("generation_config.json", "ours");
        await output.copy(join(folder, "model"), ["generation_config.json", "tokenizer.json"]);
      });
      assert.equal(new Uint8Array(readFileSync(join(folder, "out/tokenizer.json"))), bytes);
      assert.is(readFileSync(join(folder, "out/generation_config.json"), "utf8"), "ours");
      assert.is(statSync(join(folder, "out/tokenizer.json")).mode & 0o200, 0o200);
    }),
  );
}

function surviveFailures({ test, skip }: Suite): void {
  test(
    "weights that the disk cannot hold are refused before anything is computed",
    inFolder(async (folder) => {
      const huge = { name: "w", dtype: "F32", shape: [2 ** 30, 2 ** 17] } as const;
      await refused(
        () => writeFolder(join(folder, "out"), async (output) => void (await output.tensors([huge]))),
        /out: it needs 512 TiB and [\d.]+ [KMGT]iB are free/,
      );
      assert.equal(readdirSync(folder), []);
    }),
  );

  const full = existsSync("/dev/full") ? test : (name: string) => skip(name, "there is no /dev/full here");
  full("a full disk reads as one sentence", async () => {
    await refused(
      () => explained("write", "/dev/full", () => writeFile("/dev/full", "1")),
      /cannot write \/dev\/full: the disk is full; free/,
    );
  });

  test(
    "a write that fails midway is one sentence and leaves nothing",
    inFolder(async (folder) => {
      const target = join(folder, "out");
      const { stdout, stderr } = spawnSync(
        "sh",
        ["-c", `trap '' XFSZ; ulimit -f 1000; exec "$@"`, "sh", process.execPath, child("write-until-full.ts"), target],
        { encoding: "utf8" },
      );
      assert.match(
        stdout,
        /^UserError: cannot write .*\/out\/model.safetensors: the file would be larger than the system allows here; .*\n$/,
        stderr,
      );
      assert.equal(readdirSync(folder), []);
    }),
  );
}

function surviveEnds({ test }: Suite): void {
  test(
    "a disk that fills up midway is one sentence and leaves nothing",
    inFolder(async (folder) => {
      const command = [process.execPath, child("write-until-full.ts"), "disk/out", "disk/other"];
      const { stdout, stderr } = onSmallDisk(folder, 3, command);
      assert.match(
        stdout,
        /^UserError: cannot write .*\/out\/model.safetensors: the disk is full; free some space.*\nstatus 1\nother\n$/,
        stderr,
      );
    }),
  );

  test(
    "an interrupt in the middle of writing leaves nothing",
    inFolder(async (folder) => {
      const writer = spawn(process.execPath, [child("write-until-interrupted.ts"), join(folder, "new/out")], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      writer.stdout.once("data", () => writer.kill("SIGINT"));
      const status = await new Promise((resolve) => writer.on("close", resolve));
      assert.is(status, 130);
      assert.equal(readdirSync(folder), []);
    }),
  );
}

function shareTargets({ test }: Suite): void {
  test(
    "of processes that begin at once exactly one gets the folder, under whatever name; the others say so",
    inFolder(async (folder) => {
      mkdirSync(join(folder, "real"));
      symlinkSync("real", join(folder, "link"));
      const paths = ["real/out", "link/out", "link/../real/out/"].map((path) => join(folder, path));
      const children = paths.map((path) => spawn(process.execPath, [child("hold-folder.ts"), path], { stdio: "pipe" }));
      const ends = children.map((each) => once(each, "close"));
      const said = await Promise.all(children.map(({ stdout }) => once(stdout, "data").then(String)));
      assert.equal(said.filter((each) => each === "open\n").length, 1, said.join(""));
      const others = said.filter((each) => each !== "open\n");
      for (const other of others)
        assert.match(other, /^cannot write \S+: another run \(process \d+\) is writing it; wait/);
      for (const each of children) each.stdin.end();
      await Promise.all(ends);
      assert.equal(readdirSync(join(folder, "real")), []);
    }),
  );
}

suite("io: output folder", (t) => {
  shareTargets(t);
  writeWhole(t);
  abortCleanly(t);
  respectTargets(t);
  refuseTargets(t);
  surviveFailures(t);
  surviveEnds(t);
});
