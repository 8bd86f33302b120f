/** Graphs for the tokens that come next, by the interpreter: the same values as all tokens at once, whatever lies behind the places that are there. */
import * as assert from "uvu/assert";
import type { Graph } from "../../compiler/graph/graph.ts";
import { interpret } from "../../compiler/graph/interpret.ts";
import { maker } from "../../compiler/graph/make.ts";
import { forNextTokens } from "../../compiler/recipe/continuation/next-tokens.ts";
import { words } from "../fuse/sketch.ts";
import { suite } from "../harness/suite.ts";
import { attention, causal, masks } from "./attention.ts";

const whatOf = (graph: Graph): string => {
  const made = forNextTokens(graph, { token: "token", count: 1, capacity: 8 }, maker());
  return "what" in made ? made.what : "a graph";
};

/** The rows of x for 8 tokens, some at a time, through caches of f32 that hold NaN where nothing has been yet. */
function inPieces(graph: Graph, x: Float64Array, counts: readonly number[]): readonly number[] {
  const caches = new Map<string, Float64Array>();
  const rows: number[] = [];
  let position = 0;
  for (const count of counts) {
    const made = forNextTokens(graph, { token: "token", count, capacity: 8 }, maker());
    if ("what" in made) throw new Error(made.what);
    const inputs = new Map<string, Float64Array>([
      ["x", x.slice(3 * position, 3 * (position + count))],
      ["position", Float64Array.of(position)],
    ]);
    for (const i of [0, 1]) inputs.set(`cache ${i}`, caches.get(`cache ${i}`) ?? new Float64Array(24).fill(Number.NaN));
    const found = interpret(made, inputs);
    rows.push(...(found.get("x") ?? []));
    for (const [name, added] of found) {
      if (name === "x") continue;
      const cache = (inputs.get(name) ?? new Float64Array()).slice();
      cache.set(added, 3 * position);
      caches.set(name, cache);
    }
    position += count;
  }
  return rows;
}

suite("next tokens", ({ test }) => {
  for (const [name, mask] of Object.entries(masks))
    test(`${name}: tokens one by one, and in pieces, have the values of all at once`, () => {
      const graph = attention(8, mask);
      const x = Float64Array.from({ length: 24 }, (_, i) => Math.sin(i));
      const whole = [...(interpret(graph, new Map([["x", x]])).get("x") ?? [])];
      for (const counts of [[1, 1, 1, 1, 1, 1, 1, 1], [4, 1, 2, 1], [8]])
        for (const [i, value] of inPieces(graph, x, counts).entries())
          assert.ok(Math.abs(value - (whole[i] ?? Number.NaN)) < 1e-7, `${counts}: ${value} is ${whole[i]} at ${i}`);
    });

  test("several texts side by side, each at a place of its own, have the values that each has alone", () => {
    const graph = attention(8, causal);
    const xs = [0, 1].map((text) => Float64Array.from({ length: 24 }, (_, i) => Math.sin(7 * text + i)));
    const whole = xs.map((x) => interpret(graph, new Map([["x", x]])).get("x") ?? new Float64Array());
    const made = forNextTokens(graph, { token: "token", count: 1, capacity: 8, texts: 2 }, maker());
    if ("what" in made) throw new Error(made.what);
    const positions = [5, 2];
    const kept = (of: (x: number, token: number) => number): Float64Array =>
      Float64Array.from(
        xs.flatMap((x, text) =>
          [...x].map((value, i) => (i < 3 * (positions[text] ?? 0) ? of(value, Math.floor(i / 3)) : Number.NaN)),
        ),
      );
    const found = interpret(
      made,
      new Map([
        [
          "x",
          Float64Array.from(
            xs.flatMap((x, text) => [...x.slice(3 * (positions[text] ?? 0), 3 * (positions[text] ?? 0) + 3)]),
          ),
        ],
        ["position", Float64Array.from(positions)],
        ["cache 0", kept((x, token) => x + token / 4)],
        ["cache 1", kept((x) => x * x)],
      ]),
    ).get("x");
    for (const [text, position] of positions.entries())
      for (const i of [0, 1, 2]) {
        const [value, expected] = [found?.[3 * text + i], whole[text]?.[3 * position + i]];
        assert.ok(Math.abs((value ?? Number.NaN) - (expected ?? Number.NaN)) < 1e-7, `${value} is ${expected}`);
      }
  });

  test("the graph is the same whatever length it was written for", () => {
    const made = maker();
    const next = { token: "token", count: 1, capacity: 8 };
    assert.is(forNextTokens(attention(2, causal), next, made), forNextTokens(attention(8, causal), next, made));
  });

  test("what tokens make of each other at once, or of later ones, is refused", () => {
    const ahead = "attention that looks at later tokens";
    assert.is(whatOf(attention(8, (w, seen, token) => w.op("lessEqual", token, seen))), ahead);
    assert.is(whatOf(attention(8, (w, seen) => w.op("lessEqual", seen, seen))), ahead);
    assert.is(whatOf(attention(8, causal, -1000)), ahead, "a score that is low, but counts");
    assert.is(
      whatOf(
        attention(8, (w, seen, token) => w.op("or", causal(w, seen, token), w.op("less", seen, w.constant(2, "i32")))),
      ),
      ahead,
    );
    const w = words("sums");
    const x = w.data("x", { token: 8, model: 3 });
    const all = "a value that is made of all tokens at once";
    assert.is(whatOf(w.graph({ x: w.op("sub", x, w.reduce("sum", x, "token")) })), all);
    assert.is(whatOf(w.graph({ x: w.op("add", x, w.gather(x, "token", w.index("model", 3))) })), all);
    assert.is(whatOf(w.graph({ x: w.rename(x, "token", "seen") })), ahead);
    const seen = w.split(w.rename(x, "token", "seen"), "seen", { half: 2, place: 4 });
    assert.is(whatOf(w.graph({ x: seen })), "a value that is made of all tokens that are seen at once");
  });
});
