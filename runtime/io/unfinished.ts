/**
 * What a process has not finished lies beside its place under a hidden name that says whose it is, `.NAME.partial-PID-START-HOST`:
 * what a killed process left is told from what another one is writing at this moment.
 */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { basename, dirname, join } from "node:path";

/**
 * `partial` becomes what it stands beside; `earlier` is what stood there, until the new is in its place. Both have one length: where
 * the name of one is not too long, that of the other is not.
 */
type Purpose = "partial" | "earlier";

/** Something unfinished beside a place, and whether the process that it belongs to can still finish it. */
export interface Unfinished {
  readonly path: string;
  readonly purpose: Purpose;
  readonly pid: number;
  /** `elsewhere`: a process of another machine or container, of which nothing can be known here. */
  readonly owner: "alive" | "gone" | "elsewhere";
}

/** The hidden name beside a target, hence on its file system, that belongs to this process. */
export function hiddenBeside(target: string, purpose: Purpose): string {
  const start = digest(startOf(process.pid) ?? "");
  return join(dirname(target), `.${basename(target)}.${purpose}-${process.pid}-${start}-${machine()}`);
}

/** All that is unfinished beside a target, that of this process too. */
export function unfinishedBeside(target: string): readonly Unfinished[] {
  const folder = dirname(target);
  return readdirSync(folder).flatMap((name) => {
    const [, purpose, pid, start, host] =
      /\.(partial|earlier)-(\d+)(?:-([0-9a-f]{8})-([0-9a-f]{8}))?(?:-\d+)?$/.exec(name) ?? [];
    if (purpose === undefined) return [];
    // Asked of the file system, which may not tell upper from lower case.
    const ours = `.${basename(target)}${name.slice(name.lastIndexOf(`.${purpose}-`))}`;
    if (name !== ours && !isOneFile(join(folder, name), join(folder, ours))) return [];
    const owner = ownerOf(Number(pid), start, host);
    return [{ path: join(folder, name), purpose: purpose as Purpose, pid: Number(pid), owner }];
  });
}

/** Removes what killed processes of this user have left beside a target. */
export function clearBeside(target: string): void {
  const own = process.getuid?.();
  for (const { path, owner } of unfinishedBeside(target)) {
    const isOwn = own === undefined || lstatSync(path, { throwIfNoEntry: false })?.uid === own;
    if (owner === "gone" && isOwn) rmSync(path, { recursive: true, force: true });
  }
}

/** Makes a hidden folder of this process beside a target, and takes away those that killed ones have left. */
export function makeBeside(target: string): string {
  clearBeside(target);
  const first = hiddenBeside(target, "partial");
  let path = first;
  for (let count = 1; existsSync(path); count++) path = `${first}-${count}`;
  mkdirSync(path, { mode: 0o700 });
  return path;
}

function isOneFile(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) => lstatSync(path, { bigint: true, throwIfNoEntry: false }));
  return one !== undefined && other !== undefined && one.dev === other.dev && one.ino === other.ino;
}

/** A number of a process is given again: it is the same process if it began at the same time. */
function ownerOf(pid: number, start: string | undefined, host: string | undefined): Unfinished["owner"] {
  if (host !== undefined && host !== machine()) return "elsewhere";
  const found = startOf(pid);
  if (found === undefined) return "gone";
  return start === undefined || found === "" || start === digest(found) ? "alive" : "gone";
}

/** When a process began, in words of the system; empty where the system does not say, undefined if there is no such process. */
function startOf(pid: number): string | undefined {
  if (!exists(pid)) return undefined;
  if (process.platform === "linux") {
    const [state, ...rest] = textOf(`/proc/${pid}/stat`)
      .replace(/^.*\) /s, "")
      .split(" ");
    if (state === "Z" || state === "X") return undefined; // killed, and not yet taken notice of by its parent
    const ticks = rest[18];
    return ticks === undefined ? "" : `${textOf("/proc/sys/kernel/random/boot_id")} ${ticks}`;
  }
  if (process.platform === "win32") return "";
  return spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).stdout?.trim() ?? "";
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // another user's
  }
}

let known: string | undefined;

/** The machine and, in a container, the container: within it a process has one number. */
function machine(): string {
  if (known !== undefined) return known;
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const cards = addresses.filter(({ internal }) => !internal).map(({ mac }) => mac);
  const id =
    process.platform === "linux"
      ? textOf("/etc/machine-id") || textOf("/proc/sys/kernel/random/boot_id")
      : cards.sort()[0];
  known = digest(`${hostname()} ${id ?? ""} ${linkOf("/proc/self/ns/pid")}`);
  return known;
}

const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 8);
const textOf = (path: string): string => readOr(() => readFileSync(path, "utf8").trim());
const linkOf = (path: string): string => readOr(() => readlinkSync(path));

/** Empty where the system does not have the file, or does not show it. */
function readOr(read: () => string): string {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && "syscall" in error) return "";
    throw error;
  }
}
