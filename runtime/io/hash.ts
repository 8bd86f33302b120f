// Content hashes: sha256 in lower-case hexadecimal.
import { createHash, type Hash } from "node:crypto";
import { withFile } from "./file.ts";

/** The hash of bytes, or of a text's UTF-8. */
export const sha256 = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");

/** A hash of what comes piece by piece. */
export const hashing = (): Hash => createHash("sha256");

/** The hash of token ids (int32, little-endian). */
export const hashTokens = (ids: Int32Array): string => hashing().update(ids).digest("hex");

/** The hash of a file. */
export const hashFile = (path: string): Promise<string> =>
  withFile(path, async ({ handle }) => {
    const hash = hashing();
    for await (const piece of handle.createReadStream({ autoClose: false }) as AsyncIterable<Uint8Array>)
      hash.update(piece);
    return hash.digest("hex");
  });
