/** Choices under a budget, beside all choices that there are. */
import * as assert from "uvu/assert";
import { choose, type Option } from "../../compiler/recipe/choice/choose.ts";
import { suite } from "../harness/suite.ts";
import { type Random, randomOf } from "../ops/random.ts";

type Units = readonly (readonly Option[])[];

/** A few units, of which what takes more does less harm, or not. */
function drawn({ integer, unit }: Random): Units {
  const candidates = integer(1, 4);
  return Array.from({ length: integer(1, 6) }, () =>
    Array.from({ length: candidates }, () => ({ bytes: integer(1, 40), harm: 10 ** integer(-6, 3) * unit() })),
  );
}

const all = (units: Units): readonly (readonly Option[])[] =>
  units.reduce<readonly (readonly Option[])[]>(
    (chosen, options) => chosen.flatMap((each) => options.map((option) => [...each, option])),
    [[]],
  );

const sum = (chosen: readonly Option[], of: "bytes" | "harm"): number =>
  chosen.reduce((all, each) => all + each[of], 0);

suite("choices under a budget", ({ test }) => {
  test("fit, and are as good as any but for one unit's harm", () => {
    const random = randomOf("choices");
    for (let i = 0; i < 300; i++) {
      const units = drawn(random);
      const budget = random.integer(1, 40 * units.length);
      const fitting = all(units).filter((chosen) => sum(chosen, "bytes") <= budget);
      const found = choose(units, budget);
      assert.is(found === null, fitting.length === 0);
      if (found === null) continue;
      const taken = found.map((option, unit) => units[unit]?.[option] as Option);
      assert.ok(sum(taken, "bytes") <= budget);
      const best = Math.min(...fitting.map((chosen) => sum(chosen, "harm")));
      const widest = Math.max(...units.map((options) => Math.max(...options.map(({ harm }) => harm))));
      assert.ok(sum(taken, "harm") <= best + widest);
    }
  });

  test("are never worse than one candidate for all", () => {
    const random = randomOf("choices of one candidate");
    for (let i = 0; i < 300; i++) {
      const count = random.integer(1, 4);
      const units = Array.from({ length: 5 }, () =>
        Array.from({ length: count }, (_, at) => ({ bytes: (at + 1) * random.integer(1, 9), harm: random.unit() })),
      );
      const budget = random.integer(5, 200);
      const found = choose(units, budget);
      const harm =
        found &&
        sum(
          found.map((option, unit) => units[unit]?.[option] as Option),
          "harm",
        );
      for (let option = 0; option < count; option++) {
        const alike = units.map((options) => options[option] as Option);
        if (sum(alike, "bytes") <= budget) assert.ok(harm !== null && harm <= sum(alike, "harm"));
      }
    }
  });
});
