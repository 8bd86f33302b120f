/** How much a disk can take. */
import { statSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { showBytes } from "../../compiler/plan/bytes.ts";
import { UserError } from "../user-error.ts";
import { explained } from "./file.ts";

/** Whether two folders share their space. */
export const isOneDisk = (a: string, b: string): boolean => statSync(a).dev === statSync(b).dev;

/** Refuses what the disk of a folder cannot hold; `shownAs` is what the message calls the folder. */
export async function requireSpace(folder: string, shownAs: string, bytes: number): Promise<void> {
  const { bavail, blocks, bsize } = await explained("write", shownAs, () => statfs(folder));
  const free = bavail * bsize;
  if (blocks === 0 || free >= bytes) return; // some file systems do not say
  throw new UserError(
    `cannot write ${shownAs}: it needs ${showBytes(bytes)} and ${showBytes(free)} are free; free some space or choose another place`,
  );
}
