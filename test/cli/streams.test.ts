/** stdout or stderr may vanish: the work goes on, and the status tells the truth. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { someText } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { drawing, randomOf, seed } from "../ops/random.ts";
import { root } from "../repository/sources.ts";
import { launcher, main } from "./lcomp.ts";

const recipe = `import { magnitude } from "std/prune/magnitude"

recipe half(model: Model) {
  stage small = magnitude(50%) of model for linear except lm_head
  save small as "huggingface"
}
`;
const untidy = "fn f( x ) =   x\n";

/** A command, whether it writes to stdout, and its status where everybody listens. */
interface Command {
  readonly args: readonly string[];
  readonly prints: boolean;
  readonly status: number;
}

const commands: readonly Command[] = [
  { args: ["run", "half.lcomp", "--model", "model", "--out", "out"], prints: true, status: 0 },
  { args: ["run", "half.lcomp", "--model", "model", "--out", "out", "--json"], prints: true, status: 0 },
  { args: ["run", "half.lcomp", "--model", "none", "--out", "out"], prints: false, status: 1 },
  { args: ["plan", "half.lcomp", "--model", "model"], prints: true, status: 0 },
  { args: ["plan", "half.lcomp", "--model", "model", "--json", "--output", "plan.json"], prints: true, status: 0 },
  { args: ["eval", "model", "--text", "text.jsonl", "--length", "32"], prints: true, status: 0 },
  { args: ["check", "half.lcomp"], prints: true, status: 0 },
  { args: ["check", "wrong.lcomp"], prints: false, status: 1 },
  { args: ["fmt", "untidy.lcomp"], prints: true, status: 0 },
  { args: ["fmt", "--check", "untidy.lcomp"], prints: true, status: 1 },
  { args: ["explain", "does-not-divide"], prints: true, status: 0 },
  { args: ["run", "--help"], prints: true, status: 0 },
  { args: ["nonsense"], prints: false, status: 2 },
];

/** How a stream vanishes, in words of the shell; `full` is a disk on which nothing can be written. */
const ways: Readonly<Record<string, (command: string) => string>> = {
  "stdout closed": (command) => `${command} >&-`,
  "stderr closed": (command) => `${command} 2>&-`,
  "both closed": (command) => `${command} >&- 2>&-`,
  "stdout unread": (command) => `${command} | true`,
  "stderr unread": (command) => `${command} 2>&1 >/dev/null | true`,
  "both read for a line": (command) => `${command} 2>&1 | head -1 >seen`,
  "both read for a moment": (command) => `${command} 2>&1 | sleep 1`,
  "stdout full": (command) => `${command} >/dev/full`,
  "stderr full": (command) => `${command} 2>/dev/full`,
  "both full": (command) => `${command} >/dev/full 2>&1`,
};

function prepare(folder: string): void {
  cpSync(join(root, "examples/tiny"), join(folder, "model"), { recursive: true });
  writeFileSync(join(folder, "half.lcomp"), recipe);
  writeFileSync(join(folder, "wrong.lcomp"), "fn f(x) = y\n");
  writeFileSync(join(folder, "untidy.lcomp"), untidy);
  writeFileSync(join(folder, "text.jsonl"), someText(8));
}

/** What a command has left: the names, and what it wrote. */
function effects(folder: string): unknown {
  const read = (name: string) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), "latin1") : null);
  const names = readdirSync(folder).filter((name) => !["seen", "status"].includes(name));
  const found = [names, read("untidy.lcomp"), read("plan.json"), read("out/model.safetensors"), read("out/README.md")];
  rmSync(join(folder, "out"), { recursive: true, force: true });
  for (const name of ["out.report.html", "plan.json"]) rmSync(join(folder, name), { force: true });
  writeFileSync(join(folder, "untidy.lcomp"), untidy);
  return found;
}

const undisturbed = new Map<Command, unknown>();
const entries = [main, launcher];

function tried(folder: string, { args }: Command, entry: string, way: (command: string) => string): string {
  const shown = way(`{ "$@"; echo $? >status; }`);
  spawnSync("sh", ["-c", shown, "sh", process.execPath, entry, ...args], { cwd: folder, encoding: "utf8" });
  return readFileSync(join(folder, "status"), "utf8").trim();
}

const draws = drawing(8);

suite(`cli: streams that vanish, LCOMP_SEED=${seed}`, ({ test, skip }) => {
  const here = existsSync("/dev/full") ? test : (name: string) => skip(name, "there is no /dev/full here");
  here(
    `${draws} draws of a command, a way and an entry: the same effects, and a status that tells the truth`,
    inFolder(async (folder) => {
      prepare(folder);
      for (let draw = 0; draw < draws; draw++) {
        const { pick } = randomOf("streams", draw);
        const [command, name, entry] = [pick(commands), pick(Object.keys(ways)), pick(entries)];
        const say = `draw ${draw}, seed ${seed}: ${command.args.join(" ")}, ${name}`;
        if (!undisturbed.has(command)) {
          const status = tried(folder, command, main, (plain) => `${plain} >seen 2>&1`);
          assert.is(
            status,
            String(command.status),
            `${command.args.join(" ")}: ${readFileSync(join(folder, "seen"), "utf8")}`,
          );
          undisturbed.set(command, effects(folder));
        }
        const isLost = command.prints && (name === "stdout full" || name === "both full");
        const status = tried(folder, command, entry, ways[name] ?? String);
        assert.is(status, String(isLost ? Math.max(1, command.status) : command.status), say);
        assert.equal(effects(folder), undisturbed.get(command), say);
      }
    }),
  );

  here(
    "what could not be written is said in one sentence",
    inFolder(async (folder) => {
      prepare(folder);
      const args = ["check", "half.lcomp"];
      const { stderr } = spawnSync("sh", ["-c", `"$@" >/dev/full`, "sh", process.execPath, main, ...args], {
        cwd: folder,
        encoding: "utf8",
      });
      assert.is(stderr, "lcomp: cannot write the output: the disk is full; free some space or choose another place\n");
    }),
  );
});
