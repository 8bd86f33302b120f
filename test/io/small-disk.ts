/** A disk that gets full. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  /** Whether the disk has a size that can be asked for; otherwise only writing shows it. */
  readonly isMounted: boolean;
}

/**
 * Runs a command in the folder, in which `disk` holds so many megabytes; its output ends with its status and with what is left
 * there. Where nobody may mount anything, writes to files that are kept open fail beyond that, as they would on a full disk.
 */
export function onSmallDisk(folder: string, megabytes: number, command: readonly string[]): Ended {
  mkdirSync(join(folder, "disk"));
  const mount = `mount -t tmpfs -o size=${megabytes}m tmpfs disk`;
  const flags = ["-m", "-rm"].find(
    (each) => spawnSync("unshare", [each, "sh", "-c", mount], { cwd: folder }).status === 0,
  );
  const whole = `${flags === undefined ? "" : `${mount}; `}"$@"; echo "status $?"; ls -A disk`;
  const shell = ["sh", "-c", whole, "sh", ...command];
  const [program = "", ...args] = flags === undefined ? shell : ["unshare", flags, ...shell];
  const preload = `--import ${pathToFileURL(join(import.meta.dirname, "full-disk.ts")).href}`;
  const env =
    flags === undefined ? { ...process.env, NODE_OPTIONS: preload, DISK_MEGABYTES: `${megabytes}` } : process.env;
  const { stdout, stderr } = spawnSync(program, args, { cwd: folder, env, encoding: "utf8" });
  return { stdout, stderr, isMounted: flags !== undefined };
}
