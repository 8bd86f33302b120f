/** What a stage chooses from, known from headers alone. */

import { showBytes } from "../../compiler/plan/bytes.ts";
import { reachOf } from "../../compiler/recipe/choice/choose.ts";
import type { Question } from "../../compiler/recipe/choice/trial-steps.ts";
import { table } from "./table.ts";
import { counted, lines, wrapped } from "./terminal.ts";

/** The choice for people and `--json`; the bytes of a candidate are those of the model if all layers take it. */
export interface ChoiceReport {
  readonly stage: string;
  readonly candidates: readonly { readonly candidate: string; readonly bytes: number }[];
  /** How many groups of layers choose, each for itself: those that read one activation become the same. */
  readonly groups: number;
  /** The most that the model may have, and between what it can be. */
  readonly bytes: number;
  readonly least: number;
  readonly most: number;
}

/** The table's numbers. */
export function choiceReport(question: Question): ChoiceReport {
  const { stage, units, rest, budget } = question;
  return {
    stage: stage.name,
    candidates: (stage.candidates ?? []).map(({ text }, i) => ({
      candidate: text,
      bytes: units.reduce((sum, { bytes }) => sum + (bytes[i] ?? 0), rest),
    })),
    groups: units.length,
    bytes: budget,
    ...reachOf(question),
  };
}

/** For people, in lines of that width. */
export function showChoice({ stage, candidates, groups, bytes, least, most }: ChoiceReport, width: number): string {
  const rows = candidates.map((each) => [each.candidate, showBytes(each.bytes)]);
  const reach = `${stage} can have ${showBytes(least)} to ${showBytes(most)}, and takes at most ${showBytes(bytes)}; what is behind it is planned once it is chosen`;
  return lines(
    ...["", `${stage} chooses for ${counted(groups, "group")} of layers; of all by one candidate the model has`, ""],
    ...table(["candidate", "bytes"], rows, { left: 1, width }),
    ...["", ...wrapped(reach, width, "  ")],
  );
}

/** What was chosen. */
export interface ChoiceMade {
  readonly stage: string;
  /** Of the whole model. */
  readonly bytes: number;
  /** The groups of layers that took each candidate. */
  readonly candidates: readonly { readonly candidate: string; readonly groups: readonly string[] }[];
  /** What other budgets would have given, and the harm of that as a multiple of what was chosen; null where that does none. */
  readonly curve: readonly { readonly bytes: number; readonly harm: number | null }[];
}

/** For people, in lines of that width. */
export function showMade({ stage, bytes, candidates, curve }: ChoiceMade, width: number): string {
  const taken = candidates.filter(({ groups }) => groups.length > 0);
  const rows = taken.map(({ candidate, groups }) => [candidate, String(groups.length)]);
  const harmOf = (harm: number | null): string => (harm === null ? "" : String(Number(harm.toPrecision(3))));
  const others = curve.map((each) => [showBytes(each.bytes), harmOf(each.harm)]);
  return lines(
    ...["", `${stage} is chosen, of ${showBytes(bytes)}:`, ""],
    ...table(["candidate", "groups of layers"], rows, { left: 1, width }),
    ...["", "with other budgets, and the harm as a multiple of this choice's:", ""],
    ...table(["bytes", "harm"], others, { width }),
    "",
  );
}
