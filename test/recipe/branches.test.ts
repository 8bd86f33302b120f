/** Graphs for rows of several texts that begin alike, by the interpreter: each text has the values that it has alone. */
import * as assert from "uvu/assert";
import type { Graph } from "../../compiler/graph/graph.ts";
import { interpret } from "../../compiler/graph/interpret.ts";
import { maker } from "../../compiler/graph/make.ts";
import type { Node } from "../../compiler/graph/ops.ts";
import { inBranches } from "../../compiler/recipe/continuation/branches.ts";
import type { Crossing } from "../../compiler/recipe/continuation/crossing.ts";
import { suite } from "../harness/suite.ts";
import { attention, causal, type Mask, masks } from "./attention.ts";

/** A row of 10: 3 tokens in common, then 2, 0 and 4 of three texts, and 1 that is of none. */
const branch = [-1, -1, -1, 0, 0, 2, 2, 2, 2, 3];
const position = [0, 1, 2, 3, 4, 3, 4, 5, 6, 0];
const model = 3;

/** The attention of `attention.ts` in such a row; or why there is none. */
function inRow(mask: Mask, lowest?: number): Graph | Crossing {
  const made = maker();
  const images = new Map<Node, Node>();
  const { nodes, outputs } = attention(8, mask, lowest);
  const image = (node: Node): Node => images.get(node) as Node;
  for (const node of nodes) images.set(node, made.copy(node, image));
  const [x] = outputs.map(({ node }) => inBranches(image(node), { token: "token", count: branch.length }, made));
  if (x === undefined) throw new Error("attention gives nothing");
  return "what" in x ? x : made.graph("row", [{ name: "x", node: x }]);
}

suite("texts that begin alike", ({ test }) => {
  for (const [name, mask] of Object.entries(masks))
    test(`${name}: in one row, each has the values that it has alone`, () => {
      const row = inRow(mask);
      if ("what" in row) throw new Error(row.what);
      const x = Float64Array.from({ length: branch.length * model }, (_, i) => Math.sin(i * i));
      const inputs = new Map([
        ["x", x],
        ["position of the task", Float64Array.from(position)],
        ["branch of the task", Float64Array.from(branch)],
      ]);
      const found = interpret(row, inputs).get("x") ?? new Float64Array();
      for (const own of [0, 2]) {
        const places = [...branch.keys()].filter((at) => [-1, own].includes(branch[at] ?? Number.NaN));
        const ofText = (of: Float64Array): Float64Array =>
          Float64Array.from(places.flatMap((at) => [...of.subarray(at * model, (at + 1) * model)]));
        const alone = interpret(attention(places.length, mask), new Map([["x", ofText(x)]])).get("x");
        const differences = ofText(found).map((value, i) => Math.abs(value - (alone?.[i] ?? Number.NaN)));
        assert.ok(Math.max(...differences) < 1e-12, `text ${own}: ${differences}`);
      }
    });

  test("what would look at tokens that are not of the text is refused", () => {
    const what = (mask: Mask, lowest?: number): string => {
      const row = inRow(mask, lowest);
      return "what" in row ? row.what : "a row";
    };
    const ahead = "attention that looks at later tokens";
    assert.is(what(causal), "a row");
    assert.is(what(causal, -1000), ahead, "a score that is low, but counts");
    assert.is(
      what((w, seen, token) => w.op("lessEqual", token, seen)),
      ahead,
    );
    assert.is(
      what((w, seen) => w.op("lessEqual", seen, w.constant(4, "i32"))),
      ahead,
    );
  });
});
