/** Folders that stand in the way of a result and belong to others, and names as long as a file system takes. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import * as assert from "uvu/assert";
import { lockName } from "../../runtime/io/lock.ts";
import { OutputFolder } from "../../runtime/io/output-folder.ts";
import { hiddenBeside } from "../../runtime/io/unfinished.ts";
import { suite } from "../harness/suite.ts";
import { inFolder, refused } from "./folder.ts";

const nobody = 65534;
const isRoot = process.getuid?.() === 0;

/** Does something as a user whom permissions bind: root becomes nobody. */
function asUser(folder: string, work: () => void): void {
  if (isRoot) chownSync(folder, nobody, nobody);
  if (isRoot) process.seteuid?.(nobody);
  try {
    work();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

/** A result with a file that its owner cannot remove. */
function makeStuck(path: string): void {
  mkdirSync(join(path, "deep"), { recursive: true });
  writeFileSync(join(path, "deep/file"), "");
  writeFileSync(join(path, lockName), JSON.stringify({ files: ["deep/file", lockName] }));
  chmodSync(join(path, "deep"), 0o500);
}

suite("io: leftovers", ({ test, skip }) => {
  const unix = process.platform === "win32" ? (name: string) => skip(name, "there are no such permissions") : test;
  const bound = isRoot ? (name: string) => skip(name, "root may write everywhere") : unix;

  test(
    "what a killed process has left goes; a result that it had moved away comes back; a living or foreign one is in the way",
    inFolder(async (folder) => {
      const target = join(folder, "out");
      const ended = spawn("true");
      await once(ended, "exit");
      const left = (purpose: "partial" | "earlier") => {
        const path = hiddenBeside(target, purpose).replace(`-${process.pid}-`, `-${ended.pid}-`);
        mkdirSync(path);
        writeFileSync(join(path, lockName), "{}");
      };
      left("partial");
      left("earlier");
      await refused(() => new OutputFolder(target), /out: the folder is not empty; .*--force/);
      assert.equal(readdirSync(folder), ["out"]);
      left("earlier");
      const output = new OutputFolder(target, { force: true });
      assert.match(output.repairs.join(), /^removed \S+\.out\.earlier-\S+, left by a run that was ended$/);
      output.abort();
      const foreign = hiddenBeside(target, "partial").replace(/[0-9a-f]{8}$/, "00000000");
      mkdirSync(foreign);
      await refused(
        () => new OutputFolder(target, { force: true }),
        /a run on another machine is writing it, or was ended; .*remove/,
      );
      assert.equal(readdirSync(folder).sort(), [foreign.slice(folder.length + 1), "out"].sort());
    }),
  );

  unix(
    "what a killed run left and cannot be removed is said, and stands in nobody's way",
    inFolder(async (folder) => {
      const { pid } = spawnSync("true");
      asUser(folder, () => {
        const target = join(folder, "out");
        const left = hiddenBeside(target, "partial").replace(`-${process.pid}-`, `-${pid}-`);
        makeStuck(left);
        const output = new OutputFolder(target);
        assert.match(output.repairs.join(), /^cannot remove .*\.out\.partial-.*: permission is denied/);
        output.finish();
        assert.equal(readdirSync(folder), [basename(left), "out"]);
        chmodSync(join(left, "deep"), 0o700);
      });
    }),
  );

  unix(
    "a result is in its place also where the earlier one cannot be removed, which is said",
    inFolder(async (folder) => {
      asUser(folder, () => {
        const target = join(folder, "out");
        makeStuck(target);
        const output = new OutputFolder(target, { force: true });
        assert.match(output.finish().join(), /^cannot remove .*\.out\.earlier-.*: permission is denied/);
        assert.equal(readdirSync(target), []);
        chmodSync(join(hiddenBeside(target, "earlier"), "deep"), 0o700);
      });
    }),
  );

  bound(
    "an earlier result that must not be written is refused at the start",
    inFolder(async (folder) => {
      const target = join(folder, "out");
      mkdirSync(target);
      writeFileSync(join(target, lockName), "{}");
      chmodSync(target, 0o555);
      await refused(() => new OutputFolder(target, { force: true }), /cannot write .*out: permission is denied/);
      assert.equal(readdirSync(folder), ["out"]);
      chmodSync(target, 0o755);
    }),
  );

  test(
    "where a result can be begun under a long name, it can take the place of an earlier one",
    inFolder(async (folder) => {
      const around = basename(hiddenBeside(folder, "partial")).length - basename(folder).length;
      const target = join(folder, "x".repeat(255 - around));
      for (const force of [false, true]) {
        const output = new OutputFolder(target, { force });
        await output.write(lockName, JSON.stringify({ files: [lockName] }));
        output.finish();
      }
      assert.equal(readdirSync(folder), [basename(target)]);
      await refused(() => new OutputFolder(`${target}x`), /the name is too long/);
    }),
  );
});
