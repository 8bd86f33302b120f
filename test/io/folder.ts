// Temporary folders, output folders and hand-made safetensors files for the io tests.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { OutputFolder } from "../../runtime/io/output-folder.ts";
import { UserError } from "../../runtime/user-error.ts";

/** Runs a test body with a folder of its own. */
export const inFolder = (body: (folder: string) => Promise<void>) => async (): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), "lcomp-io-"));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** Writes an output folder: finished if `use` returns, aborted if it throws. */
export async function writeFolder<T>(path: string, use: (folder: OutputFolder) => Promise<T>): Promise<T> {
  const folder = new OutputFolder(path);
  try {
    const result = await use(folder);
    folder.finish();
    return result;
  } finally {
    folder.abort();
  }
}

/** Expects a UserError whose sentence matches, and which is one line. */
export async function refused(action: () => unknown, expected: RegExp): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    assert.match(error.message, expected);
    assert.not.match(error.message, /\n/);
    return;
  }
  assert.unreachable(`expected an error like ${expected}`);
}

/** The bytes of a safetensors file with any header, and with any claim about its length. */
export function safetensorsBytes(header: unknown, data: Uint8Array | number, claimed?: bigint): Uint8Array {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const json = Buffer.from(text, "utf8");
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(json.byteLength));
  return Buffer.concat([length, json, typeof data === "number" ? new Uint8Array(data) : data]);
}

/** Writes a file of any header into a folder and returns its path. */
export function writeSafetensors(
  folder: string,
  header: unknown,
  data: Uint8Array | number,
  name = "model.safetensors",
): string {
  const path = join(folder, name);
  writeFileSync(path, safetensorsBytes(header, data));
  return path;
}

/** Expects a bug to be found: a RangeError, which no user ever sees. */
export async function broken(promise: Promise<unknown>, expected: RegExp): Promise<void> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.instance(error, RangeError);
  assert.match((error as RangeError).message, expected);
}
