/** Golden files: the expected text lies in a file next to its input. `ACCEPT=1` (npm run accept) writes it. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import * as assert from "uvu/assert";

/** Compares `actual` with the file at `path`, relative to the repository root. A missing file fails. */
export function golden(path: string, actual: string): void {
  const file = new URL(`../../${path}`, import.meta.url);
  if (process.env["ACCEPT"] === "1") {
    if (process.env["CI"]) throw new Error(`${path}: ACCEPT is refused where CI is set`);
    mkdirSync(dirname(file.pathname), { recursive: true });
    writeFileSync(file, actual);
    return;
  }
  if (!existsSync(file))
    throw new Error(`${path} is missing: read what would be accepted, then npm run accept\n${actual}`);
  assert.is(actual, readFileSync(file, "utf8"), `${path} differs`);
}
