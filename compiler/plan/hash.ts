/** Content hashes. The only use of a Node module in the compiler: it is pure. */
import { createHash } from "node:crypto";

/** The sha256 of a text's UTF-8 bytes, in lower-case hexadecimal. */
export const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
