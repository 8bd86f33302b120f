/** The documents, and a folder in which their commands and programs run. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { root } from "./sources.ts";

/** A fenced block, and what the HTML comment right above it says of it. */
export interface Block {
  readonly language: string;
  readonly text: string;
  readonly note: string;
  /** The heading above it. */
  readonly heading: string;
}

export const read = (path: string): string => readFileSync(join(root, path), "utf8");

export function blocksOf(path: string): readonly Block[] {
  const pieces = read(path).matchAll(
    /^#+ (?<heading>.*)$|^(?:<!-- (?<note>.*) -->\n)?```(?<language>\w*)\n(?<text>[\s\S]*?)^```$/gm,
  );
  let at = "";
  return [...pieces].flatMap(({ groups = {} }) => {
    const { heading, note = "", language = "", text = "" } = groups;
    if (heading !== undefined) at = heading;
    return heading === undefined ? [{ language, text, note, heading: at }] : [];
  });
}

/** A folder with the examples, and on the PATH a `lcomp` that is the one of this clone, also for `npx lcomp`. */
function workplace(): { readonly folder: string; readonly env: NodeJS.ProcessEnv } {
  const folder = mkdtempSync(join(tmpdir(), "lcomp docs "));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  symlinkSync(join(root, "examples"), join(folder, "examples"));
  for (const name of ["bin", "out"]) mkdirSync(join(folder, name));
  const launch = `exec "${process.execPath}" "${join(root, "runtime/cli/launch.mjs")}" "$@"\n`;
  writeFileSync(join(folder, "bin/lcomp"), `#!/bin/sh\n${launch}`, { mode: 0o755 });
  writeFileSync(join(folder, "bin/npx"), `#!/bin/sh\nshift\n${launch}`, { mode: 0o755 });
  const excerpt = read("examples/world/test.jsonl").split("\n").slice(0, 60).join("\n");
  writeFileSync(join(folder, "some.jsonl"), excerpt);
  const PATH = [join(folder, "bin"), process.env["PATH"]].join(delimiter);
  return { folder, env: { ...process.env, PATH, NO_COLOR: "1" } };
}

const { folder: made, env } = workplace();

/** Where they run. */
export const folder = made;

/** Runs a command there. */
export function shell(command: string): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync("sh", ["-c", command], { cwd: folder, env, encoding: "utf8" });
  return { status, output: `${stdout}${stderr}` };
}
