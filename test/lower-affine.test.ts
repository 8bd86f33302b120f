import * as assert from "uvu/assert";
import {
  flatten,
  fromVariable,
  type Index,
  number,
  plus,
  quotient,
  remainder,
  times,
  unflatten,
  type Variable,
  variableKey,
} from "../compiler/schedule/affine.ts";
import { suite } from "./harness.ts";
import { type Random, randomOf, seed } from "./ops-random.ts";

type Values = ReadonlyMap<string, number>;

/** The value of an index for values of its variables. */
function meaning({ terms, constant }: Index, values: Values): number {
  return terms.reduce((sum, { atom, times: factor }) => {
    if (atom.kind === "variable") return sum + factor * (values.get(variableKey(atom.variable)) ?? Number.NaN);
    if (atom.kind === "quotient") return sum + factor * Math.floor(meaning(atom.of, values) / atom.by);
    return atom.kind === "remainder" ? sum + factor * (meaning(atom.of, values) % atom.by) : Number.NaN;
  }, constant);
}

interface Made {
  readonly index: Index;
  readonly value: (values: Values) => number;
}

/** An expression that is never negative, and what it means. */
function draw(random: Random, variables: readonly Variable[], depth: number): Made {
  const a = depth === 0 ? leaf(random, variables) : draw(random, variables, depth - 1);
  const by = random.integer(1, 9);
  const choice = random.integer(0, 4);
  if (choice === 0) return { index: quotient(a.index, by), value: (values) => Math.floor(a.value(values) / by) };
  if (choice === 1) return { index: remainder(a.index, by), value: (values) => a.value(values) % by };
  if (choice === 2) return { index: times(a.index, by), value: (values) => a.value(values) * by };
  const b = leaf(random, variables);
  return { index: plus(a.index, b.index), value: (values) => a.value(values) + b.value(values) };
}

function leaf(random: Random, variables: readonly Variable[]): Made {
  if (random.unit() < 0.2) {
    const value = random.integer(0, 5);
    return { index: number(value), value: () => value };
  }
  const variable = random.pick(variables);
  return { index: fromVariable(variable), value: (values) => values.get(variableKey(variable)) ?? Number.NaN };
}

suite(`lower: affine indices, LCOMP_SEED=${seed}`, ({ test }) => {
  test("simplifying changes no value, and bounds hold", () => {
    const random = randomOf("affine");
    for (let round = 0; round < 3000; round++) {
      const variables = ["a", "b", "c"].map((name) => ({ name, size: random.integer(1, 24), turn: 0 }));
      const { index, value } = draw(random, variables, random.integer(0, 5));
      for (let i = 0; i < 5; i++) {
        const values = new Map(variables.map((one) => [variableKey(one), random.integer(0, one.size - 1)]));
        const expected = value(values);
        assert.is(meaning(index, values), expected, index.key);
        assert.ok(index.low <= expected && expected <= index.high, `${index.key} is not ${expected}`);
      }
    }
  });
  test("the split of a merge is what it was, and the merge of a split", () => {
    const random = randomOf("split");
    for (let round = 0; round < 500; round++) {
      const sizes = Array.from({ length: random.integer(1, 4) }, () => random.integer(1, 12));
      const parts = sizes.map((size, i) => fromVariable({ name: `d${i}`, size, turn: 0 }));
      const merged = flatten(parts, sizes);
      assert.equal(
        unflatten(merged, sizes).map(({ key }) => key),
        parts.map(({ key }) => key),
      );
      const whole = fromVariable({ name: "whole", size: sizes.reduce((product, size) => product * size, 1), turn: 0 });
      assert.is(flatten(unflatten(whole, sizes), sizes).key, whole.key);
    }
  });
});
