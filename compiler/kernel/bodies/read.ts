/** The kernel bodies in this folder, which are part of the compiler's text and its only files. */
import { readFileSync } from "node:fs";

/** The text of a body: plain WGSL, specialised by what is put above it. */
export const readBody = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8");
