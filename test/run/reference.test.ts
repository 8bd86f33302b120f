/** The models of ../shared against what NumPy says of them. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { someText } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { openBench } from "../ops/run.ts";
import { root } from "../repository/sources.ts";
import { logitsOf } from "./logits.ts";
import { lcomp, oracle, pythonReason, reference, shared, sharedReason } from "./reference.ts";

const tiny = join(root, "examples/tiny");

suite("reference: logits", ({ test, skip }) => {
  for (const model of ["stories260K", "babyllama361", "tiny"]) {
    for (const family of ["software", "gpu"] as const) {
      const title = `${model}: last logits to 1e-4 of the largest, 64 greedy tokens equal, with kernels for ${family}`;
      const tags = family === "software" ? (["swiftshader"] as const) : [];
      if (sharedReason !== null) {
        skip(title, sharedReason, ...tags);
        continue;
      }
      test(
        title,
        async () => {
          const { prompt_ids: prompt, last_logits: expected, greedy_ids_64: greedy } = reference(model);
          const bench = await openBench();
          // A token sees only those before it: if each of the reference's tokens is the greedy choice after those before it in
          // one pass, 64 passes choose the same.
          const logits = await logitsOf(bench, join(shared, "models", model), [...prompt, ...greedy], family);
          bench.device.close();
          const vocabulary = expected.length;
          const row = (at: number): Float64Array => logits.slice(at * vocabulary, (at + 1) * vocabulary);
          const last = row(prompt.length - 1);
          const largest = Math.max(...expected.map(Math.abs));
          const off = Math.max(...expected.map((value, i) => Math.abs(value - (last[i] ?? Number.NaN))));
          assert.ok(off <= 1e-4 * largest, `off by ${off}, the largest is ${largest}`);
          const chosen = greedy.map((_, i) => {
            const scores = row(prompt.length - 1 + i);
            return scores.indexOf(Math.max(...scores));
          });
          assert.equal(chosen, greedy);
        },
        ...tags,
      );
    }
  }
});

suite("reference: another reader", ({ test, skip }) => {
  const reason = sharedReason ?? pythonReason();
  const title = "hf_eval.py reads the folder that the example's recipe left and agrees on its loss to 2e-5";
  if (reason !== null) skip(title, reason, "swiftshader");
  else
    test(
      title,
      inFolder(async (folder) => {
        const recipe = readFileSync(join(root, "examples/first.lcomp"), "utf8")
          .replace("sample(64, length: 512", "sample(2, length: 64")
          .replaceAll("text.test)", "text.test, 128)");
        writeFileSync(join(folder, "first.lcomp"), recipe);
        writeFileSync(join(folder, "text.jsonl"), someText(20));
        const given = ["--model", tiny, "--text", "text.jsonl", "--out", "out", "--quiet", "--json"];
        const report = JSON.parse(lcomp(folder, "run", "first.lcomp", ...given));
        const text = ["--text", "text.jsonl", "--length", "128", "--quiet", "--json"];
        const ours = JSON.parse(lcomp(folder, "eval", "out", ...text));
        const theirs = oracle(folder, "out", "text.jsonl", 128);
        assert.ok(Math.abs(ours.perplexity - report.measures.perplexity.sparse) < 1e-5, "eval measures what run did");
        assert.is(ours.windows, theirs.windows);
        for (const name of ["mean_nll", "standard_error"] as const)
          assert.ok(Math.abs(ours[name] - theirs[name]) < 2e-5, `${name} is ${ours[name]}, theirs ${theirs[name]}`);
        assert.ok(ours.mean_nll > 0.45, "half of the weights are gone");
      }),
      "swiftshader",
    );

  for (const [model, text, length, lines] of [
    ["stories260K", "tinystories/test.txt", 512, 28],
    ["babyllama361", "tinystories/test.txt", 256, 8],
    ["tiny", "world/test.jsonl", 512, 64],
  ] as const) {
    const prefix = `hf_eval.py and lcomp agree on the beginning of ${text} for ${model} to 2e-5`;
    if (reason !== null) {
      skip(prefix, reason, "swiftshader");
      continue;
    }
    test(
      prefix,
      inFolder(async (folder) => {
        const whole = readFileSync(join(shared, "text", text), "utf8").split("\n");
        const name = text.endsWith("jsonl") ? "text.jsonl" : "text.txt";
        writeFileSync(join(folder, name), whole.slice(0, lines).join("\n"));
        const at = join(shared, "models", model);
        const given = ["--text", name, "--length", String(length), "--quiet", "--json"];
        const ours = JSON.parse(lcomp(folder, "eval", at, ...given));
        const theirs = oracle(folder, at, name, length);
        assert.equal([ours.windows, ours.tokens], [theirs.windows, theirs.tokens]);
        assert.ok(ours.windows >= 5, `${ours.windows} windows`);
        assert.ok(Math.abs(ours.mean_nll - theirs.mean_nll) < 2e-5, `${ours.mean_nll}, theirs ${theirs.mean_nll}`);
      }),
      "swiftshader",
    );
  }
});
