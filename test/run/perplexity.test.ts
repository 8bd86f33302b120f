/** The reference figures of ../shared/models/README.md, in full. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "../harness/suite.ts";
import { root } from "../repository/sources.ts";
import { lcomp, shared, sharedReason } from "./reference.ts";

const figures = [
  ["stories260K", "tinystories/test.txt", 512, 145_038, 283, 1.358657, 0.009512],
  ["babyllama361", "tinystories/test.txt", 256, 300_002, 1171, 0.699654, 0.004339],
  ["tiny", "world/test.jsonl", 512, 71_728, 140, 0.500458, 0.003349],
] as const;

suite("perplexity", ({ test, skip }) => {
  for (const [model, text, length, tokens, windows, mean, error] of figures) {
    const title = `lcomp eval gives ${mean} for ${model} on ${windows} windows of ${length}`;
    if (sharedReason !== null) {
      skip(title, sharedReason);
      continue;
    }
    test(title, () => {
      const given = ["--text", join(shared, "text", text), "--length", String(length), "--quiet", "--json"];
      const found = JSON.parse(lcomp(root, "eval", join(shared, "models", model), ...given));
      assert.equal([found.tokens, found.windows, found.length], [tokens, windows, length]);
      assert.ok(Math.abs(found.mean_nll - mean) < 2e-5, `mean_nll is ${found.mean_nll}`);
      assert.ok(Math.abs(found.standard_error - error) < 1e-6, `standard_error is ${found.standard_error}`);
      assert.ok(Math.abs(found.perplexity - Math.exp(found.mean_nll)) < 1e-5 * found.perplexity);
    });
  }
});
