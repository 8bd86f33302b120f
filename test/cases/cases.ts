/** The cases from outside in ../shared/cases: folders of models and texts that its `make.py` makes, and programs. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { python, pythonReason, shared, sharedReason } from "../run/reference.ts";

/** Why these tests cannot run here; null if they can. */
export const casesReason = (): string | null => sharedReason ?? pythonReason();

/** A program of ../shared/cases. */
export const caseFile = (name: string): string => join(shared, "cases", name);

/** The folder that make.py fills, made once for each version of make.py; tests that run side by side share it and only read it. */
export function casesFolder(): string {
  const script = caseFile("make.py");
  const version = createHash("sha256").update(readFileSync(script)).digest("hex").slice(0, 12);
  const folder = join(tmpdir(), `lcomp-cases-${version}`);
  if (existsSync(folder)) return folder;
  const making = mkdtempSync(`${folder}-`);
  const { status, stderr } = spawnSync(python ?? "", [script, making], { encoding: "utf8" });
  if (status !== 0) throw new Error(`make.py ended with ${status}: ${stderr}`);
  try {
    renameSync(making, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
    rmSync(making, { recursive: true });
  }
  return folder;
}

/** Expects a mean loss that transformers gives, to the 2e-5 that count as equal. */
export function assertLoss(found: number | undefined, expected: number): void {
  assert.ok(Math.abs((found ?? Number.NaN) - expected) <= 2e-5, `${found} is not ${expected}`);
}
