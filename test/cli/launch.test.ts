import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "../harness/suite.ts";
import { root } from "../repository/sources.ts";

/** What the tests' entry does: it says what it got, then waits for a signal if told to, and counts those that come. */
const entry = `
let signals = 0;
process.on("SIGINT", () => signals++);
console.log(process.argv.slice(2).join(" "));
if (process.argv[2] === "wait") setTimeout(() => { console.log("signals", signals); process.exit(130); }, 700);
if (process.argv[2] === "exit") process.exit(Number(process.argv[3]));
`;

/** A fake npm that leaves a note of how it was called. */
const npm = `require("fs").writeFileSync("npm-was-called", process.argv.slice(2).join(" "))`;

/** Runs `use` on a folder that holds the launcher and these files, and removes it. */
async function inPackage(files: Readonly<Record<string, string>>, use: (folder: string) => unknown): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "lcomp-launch-"));
  try {
    cpSync(join(root, "runtime/cli/launch.mjs"), join(folder, "runtime/cli/launch.mjs"));
    for (const [path, text] of Object.entries({ "package.json": `{ "type": "module" }`, "npm.cjs": npm, ...files })) {
      mkdirSync(join(folder, path, ".."), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function launch(
  folder: string,
  args: readonly string[],
  node: readonly string[] = [],
  variables: NodeJS.ProcessEnv = {},
): ReturnType<typeof run> {
  return run(process.execPath, [...node, join(folder, "runtime/cli/launch.mjs"), ...args], folder, variables);
}

function run(command: string, args: readonly string[], folder: string, variables: NodeJS.ProcessEnv = {}) {
  const env = { ...process.env, LCOMP_NODE: "", npm_execpath: join(folder, "npm.cjs"), ...variables };
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, env, encoding: "utf8" });
  return { status, stdout, stderr };
}

const installed = { "dist/runtime/cli/main.js": entry };
const clone = { "test/run.ts": entry, "runtime/cli/main.ts": entry };
const oldNode = ["--import", "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.20.2'})"];
const lock = (version: string): string => JSON.stringify({ packages: { "": {}, "node_modules/ajv": { version } } });

suite("launcher", ({ test }) => {
  test("an installed package starts its entry with the arguments and ends with its status", () =>
    inPackage(installed, (folder) => {
      assert.equal(launch(folder, ["exit", "3"]), { status: 3, stdout: "exit 3\n", stderr: "" });
    }));

  test("what Node compiles of modules is kept in the user's cache", () =>
    inPackage(installed, (folder) => {
      const env = { XDG_CACHE_HOME: join(folder, "cache"), NODE_COMPILE_CACHE: "" };
      assert.is(launch(folder, ["run"], [], env).status, 0);
      assert.ok(readdirSync(join(folder, "cache/lcomp/modules")).length > 0);
    }));

  test("an installed package refuses an old node in one sentence", () =>
    inPackage(installed, (folder) => {
      const stderr = "lcomp needs Node.js 22.18 or newer; this is 20.20.2.\n";
      assert.equal(launch(folder, ["doctor"], oldNode), { status: 2, stdout: "", stderr });
    }));

  test("a clone goes on in the node that it brings", () =>
    inPackage(clone, (folder) => {
      mkdirSync(join(folder, "node_modules/node/bin"), { recursive: true });
      symlinkSync(process.execPath, join(folder, "node_modules/node/bin/node"));
      assert.equal(launch(folder, ["exit", "4"], oldNode), { status: 4, stdout: "exit 4\n", stderr: "" });
    }));

  test("a script of a clone without node_modules installs them first", () =>
    inPackage(clone, (folder) => {
      const { status, stderr } = launch(folder, ["--script", "test", "exit", "0"]);
      assert.is(status, 0);
      assert.match(readFileSync(join(folder, "npm-was-called"), "utf8"), /^ci /);
      assert.is(stderr, "Installing what lcomp needs into node_modules (npm ci) …\n");
    }));

  test("a script installs again when the lock file has moved on, and not otherwise", () =>
    inPackage(
      { ...clone, "package-lock.json": lock("2.0.0"), "node_modules/.package-lock.json": lock("1.0.0") },
      (folder) => {
        assert.match(launch(folder, ["--script", "test", "exit", "0"]).stderr, "npm install");
        writeFileSync(join(folder, "node_modules/.package-lock.json"), lock("2.0.0"));
        assert.is(launch(folder, ["--script", "test", "exit", "0"]).stderr, "");
      },
    ));

  const chatter = `
import { writeSync } from "node:fs";
process.on("SIGINT", () => process.exit(130));
writeSync(2, "Warning: a limit is lower\\n    at f (/third_party/dawn/f.cpp:1)\\n\\nFATAL: out of memory\\n");
writeSync(2, "Failed to create //.cache for shader cache (Permission denied)---disabling.\\nMESA: warning: old\\n");
writeSync(2, "WARNING: lavapipe is not a conformant vulkan implementation, testing use only.\\n");
writeSync(Number(process.env.LCOMP_STDERR ?? 2), "lcomp: said\\n");
if (process.argv[3] === "wait") setInterval(() => undefined, 1000);
else process.kill(process.pid, "SIGKILL");
`;

  if (process.platform === "linux")
    test("what native code remarks is kept back, and nothing else, also when it ends the process", () =>
      inPackage({ "dist/runtime/cli/main.js": chatter }, (folder) => {
        const { status, stderr } = launch(folder, ["run"]);
        assert.equal([status, stderr.split("\n").sort()], [null, ["", "FATAL: out of memory", "lcomp: said"]]);
        assert.match(launch(folder, ["check"]).stderr, /^Warning: a limit/);
      }));

  if (process.platform === "linux")
    test("behind the filter the process is the one that was started, and hears of signals", () =>
      inPackage({ "dist/runtime/cli/main.js": chatter }, async (folder) => {
        const args = [join(folder, "runtime/cli/launch.mjs"), "run", "wait"];
        const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
        await once(child.stderr, "data");
        child.kill("SIGINT");
        assert.equal(await once(child, "exit"), [130, null]);
      }));

  test("an unknown script is wrong usage", () =>
    inPackage(clone, (folder) => assert.is(launch(folder, ["--script", "tset"]).status, 2)));

  test("a signal reaches the child once, however often it is sent, and its status comes through", () =>
    inPackage(installed, async (folder) => {
      symlinkSync(process.execPath, join(folder, "other-node"));
      const env = { ...process.env, LCOMP_NODE: join(folder, "other-node") };
      const child = spawn(process.execPath, [join(folder, "runtime/cli/launch.mjs"), "wait"], { env });
      const chunks: Buffer[] = [];
      child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
      await once(child.stdout, "data");
      child.kill("SIGINT");
      setTimeout(() => child.kill("SIGINT"), 50);
      const [status] = await once(child, "exit");
      assert.is(status, 130);
      assert.is(Buffer.concat(chunks).toString(), "wait\nsignals 1\n");
    }));
});
