// Content hashes: sha256 in lower-case hexadecimal.
import { createHash } from "node:crypto";
import { withFile } from "./file.ts";

/** The hash of bytes. */
export const hashBytes = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** The hash of token ids (int32, little-endian), rows one after the other. */
export function hashTokens(rows: readonly Int32Array[]): string {
  const hash = createHash("sha256");
  for (const row of rows) hash.update(new Uint8Array(row.buffer, row.byteOffset, row.byteLength));
  return hash.digest("hex");
}

/** The hash of a file, read piece by piece. */
export async function hashFile(path: string): Promise<string> {
  return withFile(path, async ({ handle }) => {
    const hash = createHash("sha256");
    const piece = new Uint8Array(1024 * 1024);
    for (;;) {
      const { bytesRead } = await handle.read(piece, 0, piece.byteLength);
      if (bytesRead === 0) return hash.digest("hex");
      hash.update(piece.subarray(0, bytesRead));
    }
  });
}
