/** Schedules at random, of all that a family has: no choice may change a result. */
import { fixedSubgroup } from "../../compiler/schedule/family.ts";
import { schedulesFor } from "../../compiler/schedule/schedule-contraction.ts";
import type { Schedules } from "../../compiler/schedule/schedules.ts";
import type { Random } from "../ops/random.ts";

interface DrawOptions {
  /** Kinds of contraction schedules that are not to be drawn. */
  readonly without?: readonly string[];
  /** Notes each kind that was drawn, as `row subgroup`. */
  readonly seen?: Set<string>;
}

/** A choice that is made anew for every kernel; the kinds of a shape of kernel take turns. */
export function drawnSchedules(
  { pick, integer }: Random,
  { without = [], seen = new Set() }: DrawOptions = {},
): Schedules {
  const turns = new Map<string, number>();
  const draw = <Schedule extends { readonly kind: string }>(shape: string, all: readonly Schedule[]): Schedule => {
    const kinds = [...new Set(all.map(({ kind }) => kind))];
    const turn = (turns.get(shape) ?? integer(0, 3)) + 1;
    turns.set(shape, turn);
    const chosen = kinds[turn % kinds.length];
    seen.add(`${shape} ${chosen}`);
    return pick(all.filter(({ kind }) => kind === chosen));
  };
  return {
    best: ({ n }, facts, family) => {
      const subgroup = family === "software" ? fixedSubgroup(facts) : undefined;
      return draw("best", [
        ...(n <= 16 ? ([{ kind: "rank", workgroup: pick([1, 32, 64]) }] as const) : []),
        { kind: "alone", workgroup: pick([1, 8]) } as const,
        subgroup === undefined
          ? ({ kind: "workgroup", workgroup: pick([16, 64]) } as const)
          : ({ kind: "subgroup", subgroup } as const),
      ]);
    },
    order: () =>
      pick([
        { kind: "alone", workgroup: pick([1, 8]) } as const,
        { kind: "workgroup", workgroup: pick([4, 64]) } as const,
      ]),
    panels: (facts, family) => {
      const subgroup = family === "software" ? fixedSubgroup(facts) : undefined;
      const isSpread = subgroup !== undefined && pick([true, false]);
      return {
        ...{ team: pick([1, 5, 32]), solvers: pick([1, 8, 32]), isSpread },
        sweepers: isSpread ? (subgroup ?? 1) : pick([1, 8, 64]),
      };
    },
    rotations: () => pick([1, 8, 32, 64]),
    contraction: (c, facts, family) =>
      draw(
        "contraction",
        schedulesFor(c, facts, family).filter(({ kind }) => !without.includes(kind)),
      ),
    map: ({ isWide }) => ({ workgroup: pick([1, 16, 64, 128]), repeats: isWide ? pick([1, 2, 3, 4]) : pick([1, 3]) }),
    row: ({ terms, facts, family }) => {
      const subgroup = family === "software" ? fixedSubgroup(facts) : undefined;
      const together =
        subgroup === undefined
          ? ({
              kind: "workgroup",
              ...pick([
                { lanes: 4, rows: 1 },
                { lanes: 64, rows: 1 },
                { lanes: 16, rows: 16 },
                { lanes: 4, rows: 8 },
              ]),
            } as const)
          : ({ kind: "subgroup", lanes: subgroup } as const);
      const alone = { kind: "invocation" } as const;
      return terms === 0 ? alone : draw("row", [together, alone]);
    },
  };
}
