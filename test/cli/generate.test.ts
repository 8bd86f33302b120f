/** `lcomp generate`, as people call it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { root } from "../repository/sources.ts";
import { lcomp } from "./lcomp.ts";

const tiny = join(root, "examples/tiny");
const begun = ["--prompt", "One morning"];

const hanging = `import { rotary } from "std/rotary"
import { llama } from "std/arch/llama"

arch cut from llama for "LlamaForCausalLM" {
  blocks layer: config.num_hidden_layers at "model.layers.{layer}" {
    fn rotated(x: f32[..., token, head]) = rotary(x, config, size(context)) / size(token)
  }
}
`;

suite("generate", ({ test }) => {
  test("a text goes on until the model ends it, or behind that, and how fast it came is said beside it", () => {
    const { status, stdout, stderr } = lcomp(root, ["generate", tiny, ...begun]);
    assert.is(status, 0, stderr);
    assert.match(stdout, /^ \S.* both went home\.\n$/);
    const further = lcomp(root, ["generate", tiny, ...begun, "--ignore-eos", "--tokens", "100", "--json", "--quiet"]);
    const [text] = JSON.parse(further.stdout).texts;
    assert.equal([text.ids.length, text.because], [100, "tokens"]);
    assert.is(text.text.indexOf(stdout.trimEnd()), 0);
    assert.match(
      stderr,
      /\d+ tokens: the first after \S+ ms, then \S+ a second, each in \S+ ms \(median\), \S+ ms \(95 %\)/,
    );
  });

  test(
    "several texts, one of them empty, as JSON: their ids are those of the text, and each says why it ends",
    inFolder(async (folder) => {
      const prompts = ["One morning", "", "Question: What"].map((prompt) => `${JSON.stringify({ prompt })}\n`);
      writeFileSync(join(folder, "prompts.jsonl"), prompts.join("\n"));
      const args = ["generate", tiny, "--prompts", "prompts.jsonl", "--tokens", "6", "--json", "--quiet"];
      const { status, stdout, stderr } = lcomp(folder, args);
      assert.is(status, 0, stderr);
      const { texts, tokens } = JSON.parse(stdout);
      assert.equal(
        texts.map(({ ids, because }: { ids: readonly number[]; because: string }) => [ids.length, because]),
        Array.from({ length: 3 }, () => [6, "tokens"]),
      );
      assert.equal(texts[0].prompt_ids, [0, 368, 367]);
      assert.equal(texts[1].prompt_ids, [0]);
      assert.is(tokens, 18);
    }),
  );

  test(
    "a GGUF file goes on as the folder that it was made of, and what is written again counts behind three that do not",
    inFolder(async (folder) => {
      writeFileSync(join(folder, "file.lcomp"), 'recipe file(model: Model) {\n  save model as "gguf"\n}\n');
      const saved = lcomp(folder, ["run", "file.lcomp", "--model", tiny, "--out", "file", "--quiet"]);
      assert.is(saved.status, 0, saved.stderr);
      const written = (model: string, ...more: readonly string[]) => {
        const args = ["generate", model, ...begun, "--tokens", "12", "--json", "--quiet", ...more];
        const { status, stdout, stderr } = lcomp(folder, args);
        assert.is(status, 0, stderr);
        return JSON.parse(stdout);
      };
      const [own, file] = [written(tiny), written("file/model.gguf", "--repeat", "2")];
      assert.equal(file.texts, own.texts);
      assert.equal([own.repeats, own.warm_ups, own.tokens], [1, 0, 12]);
      assert.equal([file.repeats, file.warm_ups, file.tokens], [2, 3, 24]);
      assert.ok(file.bytes_per_token > 918_656, "each token moves all weights");
      assert.ok(file.gpu_bytes > file.bytes_per_token);
    }),
  );

  test(
    "what cannot be continued is said in one sentence",
    inFolder(async (folder) => {
      writeFileSync(join(folder, "text.jsonl"), '{"text": "a"}\n');
      const long = "One morning ".repeat(300);
      for (const [args, status, sentence] of [
        [[], 2, /^lcomp: generate needs a text to continue: add --prompt TEXT or --prompts FILE\n$/],
        [[...begun, "--tokens", "0"], 2, /^lcomp: --tokens needs a number of tokens, 1 or more; it is 0\n$/],
        [["--prompt", long], 1, /^lcomp: the prompt has \d+ tokens, and the model reads 512 at once; give a shorter/m],
        [["--prompts", "text.jsonl"], 1, /^lcomp: text.jsonl, line 1, must be a JSON object with a text in "prompt"; /],
        [[...begun, "--gpu-memory", "1MB"], 1, /all of \S+ lies on the GPU at once: it takes \S+ MiB of the GPU's/],
      ] as const) {
        const found = lcomp(folder, ["generate", tiny, ...args, "--quiet"]);
        assert.is(found.status, status, found.stderr);
        assert.match(found.stderr, sentence);
        assert.is(found.stdout, "");
      }
    }),
  );

  test(
    "a model whose forward pass hangs on the length of the text is refused, and named",
    inFolder(async (folder) => {
      writeFileSync(join(folder, "cut.lcomp"), hanging);
      const { status, stderr } = lcomp(folder, ["generate", tiny, ...begun, "--arch", "cut.lcomp", "--quiet"]);
      assert.is(status, 1);
      assert.match(stderr, /texts of up to 192 tokens from a model whose forward pass hangs on how long the text is/);
    }),
  );
});
