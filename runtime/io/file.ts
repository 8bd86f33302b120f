// How files are opened and how a failure reads. Every system error passes through `fileError`, so that its wording
// stands here and nowhere else.
import { type BigIntStats, constants, fstatSync, readSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import { setImmediate } from "node:timers/promises";
import { UserError } from "../user-error.ts";

/** A JSON object as it was read: nothing about its values is known yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A regular file that is open for reading. */
export interface OpenFile {
  readonly handle: FileHandle;
  readonly path: string;
  readonly size: number;
  /**
   * Size, times, number and disk of the file: another one once somebody has written to it, under whatever time, or put another in its
   * place.
   */
  readonly stamp: string;
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  ENOTDIR: "a part of this path is a file, not a folder",
  EISDIR: "it is a folder, not a file",
  EACCES: "permission is denied; choose a place of your own or change its permissions",
  EPERM: "the system does not permit it; choose another place",
  EROFS: "the file system is read-only; choose another place",
  ENOSPC: "the disk is full; free some space or choose another place",
  EDQUOT: "the disk quota is used up; free some space or choose another place",
  EFBIG: "the file would be larger than the system allows here; raise the limit (ulimit -f) or choose another place",
  EIO: "the device reports a fault; check the disk",
  EMFILE: "too many files are open; raise the limit (ulimit -n)",
  ENFILE: "too many files are open on this machine; close some programs",
  ENAMETOOLONG: "the name is too long; choose a shorter one",
  ELOOP: "its symbolic links lead in a circle; remove one",
  EBUSY: "it is in use by another program; close that program or choose another place",
  EXDEV: "it lies on two file systems; choose another place",
  ENOTEMPTY: "something was put there meanwhile; move that away or choose another place",
  EEXIST: "something is there already; move that away or choose another place",
  ERR_STRING_TOO_LONG: "it is too large to be read at once; split it",
};

const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? String(error.code) : "");

/** True for the error that says that a file is not there. */
export const isMissing = (error: unknown): boolean => error instanceof UserError && codeOf(error.cause) === "ENOENT";

/** The sentence for a system error met while doing something ("read", "write") to a path; other errors stay as they are. */
export function fileError(error: unknown, doing: string, path: string): unknown {
  const code = codeOf(error);
  const reason = reasons[code] ?? (error instanceof Error && "syscall" in error ? code : undefined);
  return reason === undefined ? error : new UserError(`cannot ${doing} ${path}: ${reason}`, { cause: error });
}

/** Whether a path leads to something in a folder; both must be real, without links in them. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== "" && way.split(sep)[0] !== ".." && !isAbsolute(way);
}

/** Runs an action and turns its system errors into sentences. */
export async function explained<T>(doing: string, path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw fileError(error, doing, path);
  }
}

/** As `explained`, for the few actions that a signal must not find half done. */
export function explainedNow<T>(doing: string, path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw fileError(error, doing, path);
  }
}

/** Opens a regular file, hands it to `use` and closes it. */
export async function withFile<T>(path: string, use: (file: OpenFile) => Promise<T>): Promise<T> {
  return explained("read", path, async () => {
    await using file = await openFile(path);
    return await use(file);
  });
}

/** Opens a regular file. A pipe or a device is refused: reading one may never end. */
export async function openFile(path: string): Promise<OpenFile & AsyncDisposable> {
  return explained("read", path, async () => {
    const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const close = (): Promise<void> => handle.close();
    try {
      const status = await handle.stat({ bigint: true });
      if (status.isDirectory()) throw new UserError(`cannot read ${path}: it is a folder, not a file`);
      if (!status.isFile()) throw new UserError(`cannot read ${path}: it is not a regular file; give a copy of it`);
      return { handle, path, size: Number(status.size), stamp: stampOf(status), [Symbol.asyncDispose]: close };
    } catch (error) {
      await close();
      throw error;
    }
  });
}

const stampOf = ({ size, mtimeNs, ctimeNs, ino, dev }: BigIntStats): string =>
  `${size} bytes at ${mtimeNs} and ${ctimeNs} in ${ino} of ${dev}`;

/** Refuses a file to which somebody has written since it had that stamp: what was read of it does not belong together. */
export function requireUnchanged({ handle, path }: OpenFile, stamp: string): void {
  if (stampOf(fstatSync(handle.fd, { bigint: true })) === stamp) return;
  throw new UserError(`${path} has been written to while it was in use; start again when nothing changes it`);
}

const largestRead = 16 * 1024 * 1024;

/**
 * Fills `into` from a position of the file; a file that ends early is an error. Read by this thread, since what others read lies in
 * their processor's cache; all else that waits has its turn between long reads.
 */
export async function readExactly({ handle, path }: OpenFile, into: Uint8Array, position: number): Promise<Uint8Array> {
  for (let done = 0; done < into.byteLength; ) {
    if (done > 0) await setImmediate();
    const length = Math.min(largestRead, into.byteLength - done);
    const read = readSync(handle.fd, into, done, length, position + done);
    if (read === 0)
      throw new UserError(`${path} ends at byte ${position + done} while being read; copy or download it again`);
    done += read;
  }
  return into;
}

const largestWrite = 256 * 1024 * 1024;

/** Writes all bytes at a position of a file. */
export async function writeExactly(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const piece = bytes.subarray(done, done + largestWrite);
    done += (await handle.write(piece, 0, piece.byteLength, position + done)).bytesWritten;
  }
}

/** Refuses what Git LFS leaves in the place of weights. */
export function requireWeights(beginning: Uint8Array, path: string): void {
  if (new TextDecoder().decode(beginning.subarray(0, 8)) === "version ")
    throw new UserError(`${path} is a Git LFS pointer, not the weights themselves; run \`git lfs pull\` in its folder`);
}

/** Bytes as text; what is not UTF-8 is an error, never a replacement character. */
export function decodeUtf8(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (codeOf(error) === "ERR_ENCODING_INVALID_ENCODED_DATA") {
      throw new UserError(`${where} is not UTF-8 text; convert it to UTF-8`, { cause: error });
    }
    throw fileError(error, "read", where);
  }
}

/**
 * JSON text as a value; what is not JSON is an error that says where. Files that other programs have written may begin with a
 * byte order mark, and hold Infinity and NaN as Python writes them; a NaN becomes the text "NaN", which no number is.
 */
export function parseJson(text: string, where: string): unknown {
  const json = text.replace(/^\uFEFF/, "");
  try {
    return JSON.parse(json);
  } catch (error) {
    const plain = json.replace(pythonWord, (word) => pythonWords.get(word) ?? word);
    if (plain !== json) return parseJson(plain, where);
    const [, line, column] = /line (\d+) column (\d+)/.exec(error instanceof Error ? error.message : "") ?? [];
    const place = line === undefined ? "" : ` (line ${line}, column ${column})`;
    throw new UserError(`${where} is not valid JSON; write or download it again${place}`, { cause: error });
  }
}

/** A string, which stays as it is, or a number that JSON has not. */
const pythonWord = /"[^"\\]*(?:\\.[^"\\]*)*"|-?Infinity|NaN/g;
const pythonWords: ReadonlyMap<string, string> = new Map([
  ["Infinity", "1e999"],
  ["-Infinity", "-1e999"],
  ["NaN", '"NaN"'],
]);

/** True for a JSON object: not null, not a list, not a plain value. */
export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const largestText = 512 * 1024 * 1024;

/** A whole text file. */
export async function readText(path: string): Promise<string> {
  return withFile(path, async (file) => {
    if (file.size > largestText) throw new UserError(`${path} is larger than 512 MiB; split it`);
    return decodeUtf8(await readExactly(file, new Uint8Array(file.size), 0), path);
  });
}

/** A file of a folder that must hold one JSON object. */
export async function readJsonObject(folder: string, name: string): Promise<JsonObject> {
  const path = join(folder, name);
  return jsonObject(await readText(path), path);
}

/** The text of a file that must hold one JSON object. */
export function jsonObject(text: string, path: string): JsonObject {
  const value = parseJson(text, path);
  if (!isJsonObject(value)) throw new UserError(`${path} must hold a JSON object; write or download it again`);
  return value;
}
