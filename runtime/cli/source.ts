/**
 * Files of the language as they are opened: a recipe may come from a stranger, so what it names is read only if it is a regular
 * .lcomp file, itself and behind all links, and never more of it than the parser takes. Nothing else of a machine can then show in
 * a message, and no pipe or device can hold us up.
 */
import { closeSync, constants, fstatSync, openSync, readSync, realpathSync, statSync } from "node:fs";
import { explainedNow, isInside, isMissing } from "../io/file.ts";
import { UserError } from "../user-error.ts";

/** In bytes; the parser refuses what is cut off here. */
const largest = 2 ** 20;

/** The text of a .lcomp file that a user names. Throws UserError. */
export function readSource(path: string): string {
  const file = explainedNow("read", path, () => realpathSync(path));
  return explainedNow("read", path, () => textOf(path, file));
}

/** The text of a .lcomp file inside a folder; undefined if there is none, and UserError for what is there and is not read. */
export function readInside(folder: string, path: string): string | undefined {
  try {
    const [root, file] = explainedNow("read", path, () => [realpathSync(folder), realpathSync(path)] as const);
    if (!isInside(file, root))
      throw new UserError(`cannot read ${path}: it is a link that leads out of the recipe's folder`);
    return explainedNow("read", path, () => textOf(path, file));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Stdin, read up to what the parser takes. */
export const readStdin = (): string => explainedNow("read", "stdin", () => textIn(0));

/** `file` is where `path` leads. */
function textOf(path: string, file: string): string {
  if (statSync(file).isDirectory()) throw new UserError(`cannot read ${path}: it is a folder; give a .lcomp file`);
  const linked = path.endsWith(".lcomp") ? ", but a link to another" : "";
  if (!file.endsWith(".lcomp")) throw new UserError(`cannot read ${path}: it is no .lcomp file${linked}`);
  const opened = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0));
  try {
    if (!fstatSync(opened).isFile())
      throw new UserError(`cannot read ${path}: it is not a regular file; give a .lcomp file`);
    return textIn(opened);
  } finally {
    closeSync(opened);
  }
}

function textIn(opened: number): string {
  const bytes = new Uint8Array(largest);
  let size = 0;
  while (size < largest) {
    const read = readSync(opened, bytes, size, largest - size, null);
    if (read === 0) break;
    size += read;
  }
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, size));
}
