/** What test/peers/tasks.py has recorded of lm-evaluation-harness. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../../runtime/io/file.ts";
import { root } from "../repository/sources.ts";

interface Recorded {
  readonly tasks: Readonly<
    Record<
      string,
      {
        readonly items: readonly JsonObject[];
        readonly asked: readonly {
          readonly requests: readonly (readonly [context: string, continuation: string])[];
          readonly answer: number;
          readonly characters: readonly number[];
        }[];
      }
    >
  >;
  /** How each subject of MMLU is described. */
  readonly subjects: Readonly<Record<string, string>>;
  /** Context and continuation, and the tokens of both. */
  readonly pairs: readonly (readonly [string, string, readonly number[], readonly number[]])[];
  /** ln p of the choices of the first items of examples/world/facts.jsonl, by tiny. */
  readonly log_likelihood: readonly (readonly number[])[];
}

export const recordedTasks = (): Recorded =>
  JSON.parse(readFileSync(join(root, "test/peers/tasks.json"), "utf8")) as Recorded;
