/** The command line, in a process of its own. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { root } from "../repository/sources.ts";

/** What users start, and what it starts in turn: by itself it is sooner there. */
export const launcher = join(root, "runtime/cli/launch.mjs");
export const main = join(root, "runtime/cli/main.ts");

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Start {
  /** What comes on stdin. */
  readonly input?: string;
  readonly entry?: string;
  /** Of the environment, beside those of this process. */
  readonly variables?: NodeJS.ProcessEnv;
}

/** `lcomp` with these arguments in a folder, which shows no stack trace, whatever it is given. */
export function lcomp(
  folder: string,
  args: readonly string[],
  { input = "", entry = launcher, variables }: Start = {},
): Ended {
  const env = { ...process.env, NO_COLOR: "1", ...variables };
  const options = { cwd: folder, env, input, encoding: "utf8" } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...args], options);
  assert.not.match(stderr, /^\s+at .*:\d+:\d+/m, "a stack trace reached the user");
  return { status, stdout, stderr };
}
