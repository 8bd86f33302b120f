/** The lock of a result: what it was made from, and what it consists of, with content hashes. By it a folder is known as a result. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../user-error.ts";
import { explained, isJsonObject, type JsonObject, parseJson, readText } from "./file.ts";
import { hashFile, sha256 } from "./hash.ts";
import { byText } from "./safetensors-writer.ts";

export const lockName = "lcomp.lock.json";

/** How the files of a folder differ from those of its lock; each list in order. */
export interface Differences {
  /** How many files the lock has. */
  readonly files: number;
  readonly changed: readonly string[];
  readonly missing: readonly string[];
  readonly extra: readonly string[];
}

/** The lock's text: what `made` says, the names and hashes of all files, and a hash over all that. */
export function showLock(made: JsonObject, hashes: Readonly<Record<string, string>>): string {
  const files = [...Object.keys(hashes), lockName].sort(byText);
  return sealed({ ...made, files, sha256: hashes });
}

const sealed = (record: JsonObject): string => print({ ...record, lock: sha256(print(record)) });

const print = (record: JsonObject): string => `${JSON.stringify(record, null, 2)}\n`;

/** Compares a result with its lock, and that with its own hash. Nothing outside of the folder is read, whatever the lock names. */
export async function compareWithLock(folder: string): Promise<Differences> {
  const path = join(folder, lockName);
  if (statSync(folder, { throwIfNoEntry: false })?.isFile())
    throw new UserError(`${folder} is a file; give the folder of a result`);
  const found = await explained("read", folder, async () => filesIn(folder));
  if (!existsSync(path)) throw new UserError(`${folder} is no result of lcomp: it has no ${lockName}`);
  const text = await readText(path);
  const { lock: _, ...record } = objectIn(text, path);
  const hashes = record["sha256"];
  if (!isJsonObject(hashes))
    throw new UserError(`${path} has no hashes: it is of an older lcomp, or damaged; make the result again`);
  const changed = text === sealed(record) ? [] : [lockName];
  for (const name of found)
    if (Object.hasOwn(hashes, name) && hashes[name] !== (await hashFile(join(folder, name)))) changed.push(name);
  return {
    files: Object.keys(hashes).length + 1,
    changed: changed.sort(byText),
    missing: Object.keys(hashes).filter((name) => !found.includes(name)),
    extra: found.filter((name) => !Object.hasOwn(hashes, name) && name !== lockName).sort(byText),
  };
}

function objectIn(text: string, path: string): JsonObject {
  const value = parseJson(text, path);
  return isJsonObject(value) ? value : {};
}

/** All files in a folder, links among them, by their paths in it; links are not followed. */
export function filesIn(folder: string, prefix = ""): string[] {
  return readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesIn(folder, `${prefix}${entry.name}/`) : [`${prefix}${entry.name}`],
  );
}
