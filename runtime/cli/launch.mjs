#!/usr/bin/env node
/**
 * The package's bin and what the npm scripts of a clone call. It is plain JavaScript that any Node from 14 on can read: it
 * installs what a clone lacks, finds a Node that is new enough, and starts the real entry there.
 *
 *   launch.mjs ARGUMENT...                  lcomp
 *   launch.mjs --script NAME ARGUMENT...    one of the scripts below
 *
 * On Linux it keeps the remarks of Dawn and of drivers from the user's screen, see `filter`.
 *
 * LCOMP_NODE names the node to use (CI: one that runs on a private C library).
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import module from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** What a script starts: a file of the clone and its first arguments. */
const scripts = {
  demo: [
    ...["runtime/cli/main.ts", "run", "examples/first.lcomp", "--model", "examples/tiny"],
    ...["--text", "examples/world", "--out", "out/first", "--force"],
  ],
  test: ["test/run.ts"],
  bench: ["bench/run.ts"],
  "bench:compile": ["bench/compile.ts"],
  report: ["report/run.ts"],
  site: ["site/build.ts"],
};

/** What Mesa says of itself. */
const mesa = "/^MESA/d; /^WARNING: .* is not a conformant/d; /^Failed to create .* for shader cache/d";

/**
 * Dawn and the drivers write remarks to file descriptor 2 that no setting silences and that are not for those who want a model made
 * smaller, and nothing within a process can redirect a descriptor and get it back. So this script, by /bin/sh, gives stderr the
 * number 3, of which LCOMP_STDERR tells lcomp, and puts a filter before 2 that lets all but the remarks through; then it becomes
 * lcomp. Where something is missing for that, it becomes lcomp at once.
 */
const filter = `
command -v sed >/dev/null && fifo=$(mktemp -u 2>/dev/null) && mkfifo -m 600 "$fifo" 2>/dev/null || exec "$@"
(trap "" INT TERM HUP; exec sed -u "/^Warning: /d; /^    at .*dawn/d; /^$/d; ${mesa}" <"$fifo" >&2) &
exec 3>&2 2>"$fifo"
rm "$fifo"
LCOMP_STDERR=3 exec "$@"`;

const oldestNode = [22, 18];
const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const isClone = existsSync(join(root, "test", "run.ts"));

const [first, name, ...rest] = process.argv.slice(2);
const isScript = first === "--script" && isClone;
if (isScript && !(name in scripts)) fail(`There is no script "${name}".`, 2);
const isFresh = !existsSync(join(root, "node_modules"));
if (isClone && (isFresh || (isScript && isStale()))) install();

const entry = isClone ? ["runtime/cli/main.ts"] : ["dist/runtime/cli/main.js"];
keepCompiled();
const [file, ...initial] = isScript ? scripts[name] : entry;
await start(join(root, file), [...initial, ...(isScript ? rest : process.argv.slice(2))]);

/** Runs the entry here if this Node will do and nothing must be filtered, else in another process: in place of this one if it can be. */
async function start(file, args) {
  const node = otherNode();
  const isFiltered = canFilter(args);
  if (node === undefined && !isFiltered) {
    process.argv.splice(1, process.argv.length, file, ...args);
    await import(pathToFileURL(file).href);
    return;
  }
  const plain = [node ?? process.execPath, ...(node === undefined ? process.execArgv : []), file, ...args];
  const command = isFiltered ? ["/bin/sh", "-c", filter, "lcomp", ...plain] : plain;
  if (isFiltered && process.execve) process.execve(command[0], command, process.env);
  else startIn(command[0], command.slice(1));
}

/** What Node makes of modules is kept in the user's cache for later starts, of which compiling them is half. */
function keepCompiled() {
  const { NODE_COMPILE_CACHE: given, XDG_CACHE_HOME: cache, HOME: home } = process.env;
  if (!given && (cache || home))
    process.env.NODE_COMPILE_CACHE = join(cache || join(home, ".cache"), "lcomp", "modules");
  const folder = process.env.NODE_COMPILE_CACHE;
  if (folder && module.enableCompileCache) module.enableCompileCache(folder);
}

/** Whether a command uses the GPU, and what native code says of it is not asked for. */
function canFilter([name]) {
  const isUsing = ["run", "apply", "eval", "generate", "plan", "compile", "doctor"].includes(name);
  return isUsing && process.platform === "linux" && !process.env.LCOMP_DEBUG && existsSync("/bin/sh");
}

/** The node that must be started, or undefined if it is this one. */
function otherNode() {
  const named = process.env.LCOMP_NODE;
  if (named) return named === process.execPath ? undefined : named;
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return undefined;
  const own = join(root, "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");
  if (isClone && existsSync(own)) return own;
  return fail(`lcomp needs Node.js ${oldestNode.join(".")} or newer; this is ${process.versions.node}.`, 2);
}

/**
 * The child leads a process group of its own: whether Ctrl-C comes from the terminal, from npm or from both at once, the
 * child gets one signal, and its exit status is ours.
 */
function startIn(node, args) {
  const child = spawn(node, args, { stdio: "inherit", detached: process.platform !== "win32" });
  const sentAt = {};
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      if (Date.now() - (sentAt[signal] || 0) < 500) return;
      sentAt[signal] = Date.now();
      child.kill(signal);
    });
  }
  child.on("error", (error) => fail(`${node} cannot be started: ${error.message}.`, 2));
  child.on("exit", (code, signal) => process.exit(code === null ? 128 + constants.signals[signal] : code));
}

/** Whether a package that the lock file asks for is absent or of another version. */
function isStale() {
  const installed = packagesOf("node_modules/.package-lock.json");
  return Object.entries(packagesOf("package-lock.json")).some(([path, { version, optional, link }]) => {
    if (path === "" || link) return false;
    return path in installed ? installed[path].version !== version : !optional;
  });
}

function packagesOf(file) {
  const path = join(root, file);
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).packages : {};
}

function install() {
  const args = [...(isFresh ? ["ci"] : ["install", "--no-save"]), "--no-audit", "--no-fund", "--loglevel=error"];
  console.error(`Installing what lcomp needs into node_modules (npm ${args[0]}) …`);
  const npm = process.env.npm_execpath;
  const { status, error, stdout, stderr } = npm
    ? spawnSync(process.execPath, [npm, ...args], { cwd: root, encoding: "utf8" })
    : spawnSync("npm", args, { cwd: root, encoding: "utf8", shell: process.platform === "win32" });
  if (status !== 0)
    fail(`${error ? error.message : `${stdout}${stderr}`}\nnpm ${args[0]} failed; its message is above.`, 1);
}

function fail(message, status) {
  console.error(message);
  process.exit(status);
}
