import * as assert from "uvu/assert";
import {
  type Atom,
  bounded,
  flatten,
  fromVariable,
  type Index,
  number,
  plus,
  quotient,
  remainder,
  substituted,
  times,
  unflatten,
  type Variable,
  variableKey,
} from "../../compiler/index/affine.ts";
import { suite } from "../harness/suite.ts";
import { type Random, randomOf, seed } from "../ops/random.ts";

type Values = ReadonlyMap<string, number>;

/** The value of an index for values of its variables, as a kernel computes it: in u32, modulo 2^32. */
function meaning({ terms, constant }: Index, values: Values): number {
  return terms.reduce((sum, { atom, times }) => sum + Math.imul(times, atomMeaning(atom, values)), constant) >>> 0;
}

function atomMeaning(atom: Atom, values: Values): number {
  switch (atom.kind) {
    case "variable":
      return values.get(variableKey(atom.variable)) ?? Number.NaN;
    case "quotient":
      return Math.floor(meaning(atom.of, values) / atom.by);
    case "remainder":
      return meaning(atom.of, values) % atom.by;
    case "bounded":
      return Math.min(meaning(atom.of, values), atom.size - 1);
    case "loaded":
      return Number.NaN;
  }
}

interface Made {
  readonly index: Index;
  readonly value: (values: Values) => number;
}

/** An expression of either sign, and what it means. */
function draw(random: Random, variables: readonly Variable[], depth: number): Made {
  if (depth === 0) return leaf(random, variables);
  const a = draw(random, variables, depth - 1);
  const by = random.integer(1, 9);
  const made = (index: Index, of: (a: number) => number): Made => ({ index, value: (values) => of(a.value(values)) });
  return random.pick([
    () => made(quotient(a.index, by), (x) => Math.floor(x / by)),
    () => made(remainder(a.index, by), (x) => x - by * Math.floor(x / by)),
    () => (a.index.low < 0 ? a : made(bounded(a.index, by), (x) => Math.min(x, by - 1))),
    () => made(times(a.index, by), (x) => x * by),
    () => made(plus(number(by), times(a.index, -1)), (x) => by - x),
    () => {
      const [b, sign] = [draw(random, variables, depth - 1), random.pick([1, -1])];
      const index = plus(a.index, times(b.index, sign));
      return { index, value: (values: Values) => a.value(values) + sign * b.value(values) };
    },
  ])();
}

function leaf(random: Random, variables: readonly Variable[]): Made {
  const [from, factor] = [random.integer(-30, 30), random.integer(-9, 9)];
  const variable = random.pick(variables);
  return {
    index: plus(number(from), times(fromVariable(variable), factor)),
    value: (values) => from + factor * (values.get(variableKey(variable)) ?? Number.NaN),
  };
}

suite(`lower: affine indices, LCOMP_SEED=${seed}`, ({ test }) => {
  test("simplifying changes no value, and bounds hold", () => {
    const random = randomOf("affine");
    for (let round = 0; round < 3000; round++) {
      const variables = ["a", "b", "c"].map((name) => ({ name, size: random.integer(1, 24), turn: 0 }));
      const { index, value } = draw(random, variables, random.integer(0, 4));
      for (let i = 0; i < 5; i++) {
        const values = new Map(variables.map((one) => [variableKey(one), random.integer(0, one.size - 1)]));
        const expected = value(values);
        assert.is(meaning(index, values), expected >>> 0, index.key);
        assert.ok(index.low <= expected && expected <= index.high, `${index.key} is not ${expected}`);
      }
    }
  });
  test("what takes the place of a variable has its value", () => {
    const random = randomOf("substituted");
    const variable = (name: string, size: number): Variable => ({ name, size, turn: 0 });
    const [quarter, one, whole] = [variable("quarter", 6), variable("one", 4), variable("whole", 24)];
    const other = variable("other", 9);
    const split = plus(times(fromVariable(quarter), 4), fromVariable(one));
    for (let round = 0; round < 1000; round++) {
      const { index, value } = draw(random, [whole, other], random.integer(0, 4));
      const found = substituted(index, whole, split);
      const at = [random.integer(0, 5), random.integer(0, 3), random.integer(0, 8)] as const;
      const values = [quarter, one, other].map((each, i) => [variableKey(each), at[i] ?? 0] as const);
      const expected = value(new Map([...values, [variableKey(whole), 4 * at[0] + at[1]]]));
      assert.is(meaning(found, new Map(values)), expected >>> 0, index.key);
      assert.not.ok(found.variables.has(variableKey(whole)), found.key);
    }
  });
  test("a reversed merge splits into positions within its parts", () => {
    const random = randomOf("reverse");
    for (let round = 0; round < 500; round++) {
      const sizes = Array.from({ length: random.integer(1, 4) }, () => random.integer(1, 12));
      const size = sizes.reduce((product, part) => product * part, 1);
      const all = fromVariable({ name: "all", size, turn: 0 });
      const reversed = plus(number(size - 1), times(all, -1));
      const parts = unflatten(reversed, sizes);
      for (const [i, { key, low, high }] of parts.entries())
        assert.ok(low >= 0 && high < (sizes[i] ?? 0), `${key} is ${low} to ${high}, of ${sizes[i]}`);
      assert.is(flatten(parts, sizes).key, reversed.key);
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
