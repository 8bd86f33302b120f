// Content hashes: sha256 in lower-case hexadecimal.
import { createHash } from "node:crypto";

/** The hash of token ids (int32, little-endian). */
export const hashTokens = (ids: Int32Array): string => createHash("sha256").update(ids).digest("hex");
