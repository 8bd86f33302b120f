/**
 * What a run reads must survive what it writes. Files and folders are compared by what they are, never by their names: the same
 * folder may be reached through links, through `..`, and in other letters.
 */
import { type BigIntStats, lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join, parse } from "node:path";
import { UserError } from "../user-error.ts";
import { explainedNow } from "./file.ts";

/** A file or folder that is read, and what to call it: `the model`. */
export interface Input {
  readonly what: string;
  readonly path: string;
  /** Whether something new at the top of the folder, under this name, would be read as part of it. */
  readonly reads: (name: string) => boolean;
}

/** Refuses to write where an input is, above one, or where the new would be read as part of one. The target need not exist. */
export function requireApart(target: string, inputs: readonly Input[]): void {
  const own = identity(target);
  const refuse = (relation: string, what: string, path: string): never => {
    throw new UserError(`will not write ${target}: it ${relation} ${what} (${path}); choose another place`);
  };
  for (const input of inputs) {
    if (own !== undefined && own === identity(input.path)) refuse("is", input.what, input.path);
    if (own !== undefined && needs(input).has(own)) refuse("holds", input.what, input.path);
    if (wouldBeRead(target, input)) refuse("lies in", input.what, input.path);
  }
  if (statSync(target, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  const places = [["the working directory", process.cwd()] as const, ["the home directory", homedir()] as const];
  for (const [what, path] of places) if (wayTo(path).has(own ?? "")) refuse("is, or holds,", what, path);
  if (isMountPoint(target)) throw new UserError(`will not write ${target}: it is a mount point; choose a folder in it`);
}

/** All that an input is lost with. */
function needs({ path }: Input): ReadonlySet<string> {
  const links = explainedNow("read", path, () => linksIn(path));
  return new Set([path, ...links].flatMap((each) => [...wayTo(each)]));
}

function wouldBeRead(target: string, { path, reads }: Input): boolean {
  const input = identity(path);
  for (let at = target; at !== dirname(at); at = dirname(at))
    if (input !== undefined && identity(dirname(at)) === input && reads(basename(at))) return true;
  return false;
}

/** Device and number of what a path leads to; undefined if it leads nowhere. */
function identity(path: string): string | undefined {
  const status = explainedNow("read", path, () => statSync(path, { bigint: true, throwIfNoEntry: false }));
  return status && shown(status);
}

const shown = ({ dev, ino }: BigIntStats): string => `${dev}:${ino}`;

const separator = process.platform === "win32" ? /[\\/]/ : "/";

/** More links in a row are a circle. */
const mostLinks = 40;

/** All folders, links and files on the way to a path: with any of them the path is lost. */
function wayTo(path: string): ReadonlySet<string> {
  const passed = new Set<string>();
  let links = mostLinks;
  /** Goes on from a folder that holds no link in its path, so that `..` is the folder above; returns such a path. */
  const walk = (from: string, way: string): string => {
    const { root } = parse(way);
    let at = root === "" ? from : root;
    for (const name of ["", ...way.slice(root.length).split(separator)]) {
      const next = join(at, name);
      const status = lstatSync(next, { bigint: true, throwIfNoEntry: false });
      if (status !== undefined) passed.add(shown(status));
      at = status?.isSymbolicLink() && links-- > 0 ? walk(at, readlinkSync(next)) : next;
    }
    return at;
  };
  walk(walk("", process.cwd()), path);
  return passed;
}

/** The links in a folder and in its folders: a model may consist of links. */
function linksIn(path: string, depth = 2): readonly string[] {
  if (depth === 0 || !statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const inside = join(path, entry.name);
    return entry.isSymbolicLink() ? [inside] : entry.isDirectory() ? linksIn(inside, depth - 1) : [];
  });
}

/** Nothing can be renamed over a mount point. */
function isMountPoint(folder: string): boolean {
  if (statSync(folder).dev !== statSync(dirname(folder)).dev || dirname(folder) === folder) return true;
  if (process.platform !== "linux") return false;
  const unescaped = (text: string): string =>
    text.replace(/\\([0-7]{3})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 8)));
  const mounts = readFileSync("/proc/self/mountinfo", "latin1").split("\n");
  const own = Buffer.from(realpathSync(folder), "utf8").toString("latin1");
  return mounts.some((line) => unescaped(line.split(" ")[4] ?? "") === own);
}
