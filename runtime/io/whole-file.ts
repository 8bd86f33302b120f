/** A file that appears whole or not at all: written beside its place, put on the disk, then renamed. */
import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { UserError } from "../user-error.ts";
import { explainedNow } from "./file.ts";
import { clearBeside, hiddenBeside } from "./unfinished.ts";

/**
 * Writes a text file. A link is followed to its file, and a file that is replaced passes its mode and owner on; what is no regular
 * file, such as a terminal or a pipe, is written to as it is.
 */
export function writeWhole(path: string, text: string): void {
  explainedNow("write", path, () => {
    const old = statSync(path, { throwIfNoEntry: false });
    if (old?.isDirectory()) throw new UserError(`cannot write ${path}: a folder is there; choose another name`);
    if (/^\/(dev|proc)\//.test(resolve(path)) || old?.isFile() === false) return writeFileSync(path, text);
    const place = followed(path);
    if (old !== undefined) accessSync(place, constants.W_OK);
    clearBeside(place);
    undisturbed(() => replaceFile(place, text, old));
  });
}

function replaceFile(place: string, text: string, old: Stats | undefined): void {
  const beside = hiddenBeside(place, "partial");
  const file = openSync(beside, "wx");
  try {
    try {
      if (old !== undefined) passOn(file, old);
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(beside, place);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}

/** Gives a file the owner and the mode of the one that it replaces. */
function passOn(file: number, { uid, gid, mode }: Stats): void {
  const own = fstatSync(file);
  if (own.uid !== uid || own.gid !== gid) fchownSync(file, uid, gid);
  fchmodSync(file, mode & 0o777);
}

/** The file that a path names, which need not be there: links are followed. */
function followed(path: string): string {
  let place = resolve(path);
  for (let links = 0; lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink() && links < 40; links++)
    place = resolve(realpathSync(dirname(place)), readlinkSync(place));
  return place;
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
let isUndisturbed = false;

/** Runs what a signal must not find half done: one that comes meanwhile is obeyed once the event loop hears of it. */
function undisturbed(work: () => void): void {
  if (!isUndisturbed) {
    isUndisturbed = true;
    const release = (): void => {
      isUndisturbed = false;
      for (const signal of signals) process.off(signal, obey);
    };
    const obey = (signal: NodeJS.Signals): void => {
      release();
      process.kill(process.pid, signal);
    };
    for (const signal of signals) process.on(signal, obey);
    setImmediate(release);
  }
  work();
}
