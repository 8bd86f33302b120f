/** Where each of the models goes that a plan saves. */
import type { Plan } from "../../compiler/plan/plan.ts";
import { placeIn, type SaveRecord } from "../../compiler/plan/step.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import type { OutputFolder } from "../io/output-folder.ts";
import type { RunOptions } from "./session.ts";

/** A model that is saved: the given one that it began as, and where it goes. */
export interface Place {
  readonly record: SaveRecord;
  readonly origin: Checkpoint;
  readonly output: OutputFolder;
  /** What its paths in the output folder begin with. */
  readonly into: string;
  /** As which step the moments of saving are told. */
  readonly step: number;
}

/** The places of all that a plan saves. */
export const placesOf = (
  { saves, steps }: Plan,
  { models, output }: Pick<RunOptions, "models" | "output">,
): readonly Place[] =>
  saves.map((record, i) => {
    const origin = models.get(record.origin);
    if (origin === undefined || output === null) throw new Error(`nowhere to save ${record.of}`);
    return { record, origin, output, into: placeIn(saves, record), step: steps.length + i };
  });
