/** Commands that are given something else than they take: each says what it is, and what to give. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { lcomp, main } from "./lcomp.ts";

const wrong: readonly (readonly [args: readonly string[], status: number, said: string])[] = [
  [["run", "folder"], 1, "cannot read folder: it is a folder; give a .lcomp file"],
  [["plan", "plan.json"], 2, "plan.json is no recipe: lcomp apply carries out plans"],
  [["apply", "empty.lcomp"], 2, "empty.lcomp is a recipe: lcomp run carries it out"],
  [["apply", "folder"], 1, "cannot read folder: it is a folder, not a file"],
  [["verify", "plan.json"], 1, "plan.json is a file; give the folder of a result"],
  [["verify", "folder"], 1, "folder is no result of lcomp: it has no lcomp.lock.json"],
  [["doc", "empty.lcomp"], 1, "empty.lcomp declares nothing"],
  [["doc", "folder/"], 1, "cannot read folder/: it is a folder; give a .lcomp file"],
  [["check", "folder"], 1, "there is no .lcomp file in folder"],
  [["completion", "bash"], 2, "bash is one argument too many; lcomp --help says more"],
];

suite("cli: wrong paths", ({ test }) => {
  for (const [args, status, said] of wrong)
    test(
      `lcomp ${args.join(" ")}`,
      inFolder(async (folder) => {
        mkdirSync(join(folder, "folder"));
        writeFileSync(join(folder, "empty.lcomp"), "");
        writeFileSync(join(folder, "plan.json"), "{}");
        assert.equal(lcomp(folder, args, { entry: main }), { status, stdout: "", stderr: `lcomp: ${said}\n` });
      }),
    );
});
