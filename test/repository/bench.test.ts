import * as assert from "uvu/assert";
import { lines } from "../../bench/lines.ts";
import { suite } from "../harness/suite.ts";

suite("benchmark", ({ test }) => {
  test("every line has programs, and a number for each element that they read", async () => {
    for (const [name, make] of Object.entries(lines)) {
      const { tasks } = await make();
      assert.ok(tasks.length > 0, name);
      for (const { graph, inputs } of tasks)
        for (const node of graph.nodes) {
          if (node.op !== "input") continue;
          const size = node.type.dims.reduce((product, dim) => product * dim.size, 1);
          assert.is(inputs[node.attrs.name]?.values.length, size, `${name}: ${node.attrs.name}`);
        }
    }
  });
});
