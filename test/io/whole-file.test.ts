/** Files that lcomp writes appear whole or not at all. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { accepted } from "../../grammar/diagnostic.ts";
import { format } from "../../grammar/format.ts";
import { parse } from "../../grammar/parse.ts";
import { hiddenBeside } from "../../runtime/io/unfinished.ts";
import { writeWhole } from "../../runtime/io/whole-file.ts";
import { suite } from "../harness/suite.ts";
import { randomOf, seed } from "../ops/random.ts";
import { root } from "../repository/sources.ts";
import { inFolder, refused } from "./folder.ts";

suite("io: whole files", ({ test }) => {
  test(
    "a file that is replaced passes its mode on, a link stays and leads to the new text",
    inFolder(async (folder) => {
      const path = join(folder, "a");
      writeWhole(path, "one");
      assert.is(statSync(path).mode & 0o777, 0o666 & ~process.umask());
      chmodSync(path, 0o640);
      mkdirSync(join(folder, "links"));
      symlinkSync("../links/second", join(folder, "links/first"));
      symlinkSync("../a", join(folder, "links/second"));
      writeWhole(join(folder, "links/first"), "two");
      assert.is(readFileSync(path, "utf8"), "two");
      assert.is(statSync(path).mode & 0o777, 0o640);
      assert.is(readlinkSync(join(folder, "links/first")), "../links/second");
      symlinkSync("new", join(folder, "dangling"));
      writeWhole(join(folder, "dangling"), "three");
      assert.is(readFileSync(join(folder, "new"), "utf8"), "three");
      assert.equal(readdirSync(folder), ["a", "dangling", "links", "new"]);
    }),
  );

  test(
    "what a killed process left beside the file goes; what one that lives is writing stays",
    inFolder(async (folder) => {
      const path = join(folder, "a");
      const own = hiddenBeside(path, "partial");
      const ended = spawn("true");
      await once(ended, "exit");
      const gone = own.replace(`-${process.pid}-`, `-${ended.pid}-`);
      const reused = own.replace(/-[0-9a-f]{8}(-[0-9a-f]{8})$/, "-00000000$1");
      const elsewhere = own.replace(/[0-9a-f]{8}$/, "00000000");
      const alive = `${own}-1`;
      for (const each of [gone, reused, elsewhere, alive]) writeFileSync(each, "");
      writeWhole(path, "text");
      const left = ["a", ...[elsewhere, alive].map((each) => each.slice(folder.length + 1))].sort();
      assert.equal(readdirSync(folder).sort(), left);
    }),
  );

  test(
    "a folder is refused; a device is written to",
    inFolder(async (folder) => {
      mkdirSync(join(folder, "a"));
      await refused(() => writeWhole(join(folder, "a"), ""), /cannot write .*a: a folder is there/);
      await refused(() => writeWhole(join(folder, "b/c"), ""), /cannot write .*c: there is no such file or folder/);
      writeWhole("/dev/null", "text");
      const script = `import { writeWhole } from "${join(root, "runtime/io/whole-file.ts")}"; writeWhole("/dev/stdout", "text")`;
      const node = ["--input-type=module-typescript", "-e", script];
      const { stdout } = spawnSync("sh", ["-c", '"$@" | cat', "sh", process.execPath, ...node], { encoding: "utf8" });
      assert.is(stdout, "text");
      await refused(() => writeWhole("/dev/full", "text"), /cannot write \/dev\/full: the disk is full/);
    }),
  );
});

const draws = 10;
const line = "fn f( x ) =   x\n";

suite(`io: whole files or none, LCOMP_SEED=${seed}`, ({ test }) => {
  test(
    `${draws} runs of lcomp fmt with no room for a file of that size, or killed at some moment`,
    inFolder(async (folder) => {
      for (let draw = 0; draw < draws; draw++) {
        const { integer, pick } = randomOf("whole", draw);
        const place = join(folder, String(draw));
        mkdirSync(place);
        const before = Array.from({ length: integer(1, 3000) }, (_, i) => line.replace(" f(", ` f${i}(`)).join("");
        const after = format(accepted(parse({ path: "a", text: before })));
        writeFileSync(join(place, "a.lcomp"), before);
        const blocks = pick([0, 0, 1, 2, 8, 1000]);
        const script = `trap '' XFSZ; ulimit -f ${blocks}; exec "$@"`;
        const command = [
          script,
          "sh",
          process.execPath,
          join(root, "runtime/cli/main.ts"),
          "fmt",
          join(place, "a.lcomp"),
        ];
        const child = spawn("sh", ["-c", ...command], { stdio: "ignore" });
        if (blocks === 1000) setTimeout(() => child.kill("SIGKILL"), integer(100, 1500));
        const [status, signal] = await once(child, "exit");
        const found = readFileSync(join(place, "a.lcomp"), "utf8");
        const say = `draw ${draw}, seed ${seed}: ${blocks} blocks, status ${status}, ${found.length} of ${before.length} characters`;
        assert.ok(found === before || found === after, say);
        if (signal === null) assert.equal(readdirSync(place), ["a.lcomp"], say);
        if (status === 0) assert.ok(found === after, say);
      }
    }),
  );
});
