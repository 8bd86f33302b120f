/** What is known of the Hub: the names that models have there, and how its cache lies, `models--org--name/snapshots/REVISION`. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { explained, readText } from "./file.ts";

/** Whether a text has the form of a name on the Hub: `org/name`, or a bare one. */
export const hasHubForm = (name: string): boolean => /^[\w-][\w.-]*(\/[\w-][\w.-]*)?$/.test(name);

const folderWords =
  /^(outputs?|out|models?|checkpoints?|ckpts?|data|tmp|temp|results?|runs|weights|saved|local|cache|home|mnt|work|workspace)\//i;

/** Whether a name can be that of a model on the Hub, rather than a path of a machine. */
export const isHubName = (name: string): boolean => hasHubForm(name) && !folderWords.test(name);

/** Whether a folder is a snapshot in the cache, whose files are links into `blobs`. */
export const isSnapshot = (folder: string): boolean => basename(dirname(folder)) === "snapshots";

/** `org/name` for a snapshot in the cache; null for all other folders. */
export function hubNameOf(folder: string): string | null {
  if (!isSnapshot(folder)) return null;
  const [, ...parts] = /^models--(?:([\w.-]+?)--)?([\w.-]+)$/.exec(basename(dirname(dirname(folder)))) ?? [];
  return parts.length === 0 ? null : parts.filter((part) => part !== undefined).join("/");
}

/** The snapshots in a model's folder of the cache, by their paths in it, that of `main` first. */
export async function snapshotsIn(folder: string): Promise<readonly string[]> {
  const [refs, kept] = [join(folder, "refs/main"), join(folder, "snapshots")];
  const main = existsSync(refs) ? (await readText(refs)).trim() : "";
  const revisions = (await explained("open", kept, () => readdir(kept))).sort();
  return [main, ...revisions].filter((name) => revisions.includes(name)).map((name) => join("snapshots", name));
}
