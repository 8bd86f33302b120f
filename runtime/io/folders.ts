/** Folders that are made, and taken away where nothing came of them. */
import { existsSync, lstatSync, mkdirSync, readdirSync, realpathSync, rmdirSync, rmSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { UserError } from "../user-error.ts";
import { explainedNow, isMissing } from "./file.ts";
import { hiddenBeside, type Unfinished, unfinishedBeside } from "./unfinished.ts";

/** Where a path leads, links followed, so that a folder is replaced and not a link to it. What is not there yet keeps its name. */
export function finalTarget(path: string): string {
  return explainedNow("write", resolve(path), () => {
    let existing = path;
    const rest: string[] = [];
    while (lstatSync(existing, { throwIfNoEntry: false }) === undefined) {
      rest.unshift(basename(existing));
      existing = dirname(existing);
    }
    return resolve(realpathSync(existing), ...rest);
  });
}

/** Makes a folder in one that is there: what the system calls absent is then a place that takes none, such as /proc. */
function makeFolder(path: string, shownAs: string = path): void {
  try {
    explainedNow("write", shownAs, () => mkdirSync(path));
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new UserError(`cannot write ${shownAs}: no folder can be made there; choose another place`, { cause: error });
  }
}

/** Makes a folder and the missing ones above it; returns those that it made. Not `recursive`: under /proc that never returns. */
export function makeFolders(folder: string): readonly string[] {
  const missing: string[] = [];
  for (let path = folder; !existsSync(path); path = dirname(path)) missing.unshift(path);
  const made: string[] = [];
  try {
    for (const path of missing) {
      makeFolder(path);
      made.push(path);
    }
  } catch (error) {
    removeEmpty(made);
    throw error;
  }
  return made;
}

/** Removes folders, each in the one before, as far as nothing is in them. */
export function removeEmpty(folders: readonly string[]): void {
  for (const folder of folders.toReversed()) {
    if (!existsSync(folder) || readdirSync(folder).length > 0) return;
    rmdirSync(folder);
  }
}

export const removeFolder = (path: string): void =>
  rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });

/** Attempts of a process to be the only one; two that begin at once see each other, withdraw, and try again at different times. */
const attempts = 6;

/** Makes this process's hidden folder beside a target if no other process has one there; `refusal` is what to say of one that has. */
export function claim(target: string, shownAs: string, refusal: (rival: Unfinished) => string): string {
  const own = hiddenBeside(target, "partial");
  for (let attempt = 1; ; attempt++) {
    makeFolder(own, shownAs);
    const rival = unfinishedBeside(target).find(({ path, owner }) => path !== own && owner !== "gone");
    if (rival === undefined) return own;
    rmdirSync(own);
    if (attempt === attempts) throw new UserError(refusal(rival));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.random() * 2 ** attempt * 5);
  }
}
