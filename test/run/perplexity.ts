/** The reference figures of ../shared/models/README.md, for tests: of all windows of a text. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "../harness/suite.ts";
import { root } from "../repository/sources.ts";
import { lcomp, shared, sharedReason } from "./reference.ts";

/** A model, its text, the length of its windows, how many tokens and windows there are, and their mean loss with its standard error. */
export type Figure = readonly [
  model: string,
  text: string,
  length: number,
  tokens: number,
  windows: number,
  mean: number,
  error: number,
];

export const testFigures = (figures: readonly Figure[]): void =>
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
