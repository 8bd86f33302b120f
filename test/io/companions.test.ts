/** What lies beside weights in the folders of models today, and what becomes of it. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { frontMatter, resultFrontMatter } from "../../runtime/io/card.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { suite } from "../harness/suite.ts";
import { inFolder, refused, writeSafetensors } from "./folder.ts";

const kept = [
  ...["tokenizer.json", "tokenizer.model", "tokenizer.model.v3", "tokenizer_config.json", "special_tokens_map.json"],
  ...[
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tekken.json",
  ],
  ...["qwen.tiktoken", "chat_template.jinja", "chat_template.json", "additional_chat_templates/tool.jinja"],
  ...[
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "modules.json",
    "1_Pooling/config.json",
  ],
  ...["config_sentence_transformers.json", "sentence_bert_config.json", "modeling_own.py", "configuration_own.py"],
  ...["LICENSE", "LICENSE.txt", "LICENCE.md", "NOTICE", "USE_POLICY.md", "COPYING", "CITATION.cff"],
];

const left = [
  ...[
    "pytorch_model.bin",
    "pytorch_model-00001-of-00002.bin",
    "pytorch_model.bin.index.json",
    "model-q4_0.gguf",
    "model.onnx",
  ],
  ...[
    "model.safetensors.index.json",
    "model.fp16.safetensors",
    "consolidated.safetensors",
    "consolidated.00.pth",
    "params.json",
  ],
  ...[
    "tf_model.h5",
    "flax_model.msgpack",
    "rust_model.ot",
    "imatrix.dat",
    "model.imatrix",
    "onnx/",
    "original/",
    "openvino/",
    "mtp/",
  ],
  ...["quantize_config.json", "quant_config.json", "hf_quant_config.json", "recipe.yaml", "adapter_config.json"],
  ...[
    "adapter_model.safetensors",
    "adapter_model.bin",
    "training_args.bin",
    "optimizer.pt",
    "scheduler.pt",
    "rng_state_0.pth",
  ],
  ...[
    "trainer_state.json",
    "all_results.json",
    "eval_results.json",
    "zero_to_fp32.py",
    "latest",
    "runs/",
    "checkpoint-500/",
  ],
  ...[
    "README.md",
    ".gitattributes",
    ".git/",
    ".cache/",
    "figure.png",
    "assets/",
    "model.safetensors.sha256",
    "lcomp.lock.json",
  ],
  ...["thesis.docx", "notes/", "tokenizer/", "1_Pooling/other.json"],
];

/** A folder that holds all of these beside a small model. */
function fill(folder: string, names: readonly string[], card = "# Card\n"): void {
  for (const name of names) {
    mkdirSync(join(folder, name.endsWith("/") ? name : dirname(name)), { recursive: true });
    if (!name.endsWith("/")) writeFileSync(join(folder, name), name === "README.md" ? card : "x");
  }
  writeFileSync(join(folder, "config.json"), "{}");
  writeSafetensors(folder, { w: { dtype: "F32", shape: [1], data_offsets: [0, 4] } }, 4);
}

suite("io: companions", ({ test }) => {
  test(
    "each file is kept, or named with a reason",
    inFolder(async (folder) => {
      fill(folder, [...kept, ...left]);
      const { companions, leftBehind } = await openCheckpoint(folder);
      assert.equal([...companions].sort(), [...kept].sort());
      assert.equal(leftBehind.map(({ name }) => name).sort(), [...left].sort());
      const why = (name: string) => leftBehind.find((each) => each.name === name)?.why;
      assert.is(why("adapter_config.json"), "an adapter, which is not applied to the weights");
      assert.is(why("adapter_model.safetensors"), "an adapter, which is not applied to the weights");
      assert.is(why("zero_to_fp32.py"), "of the model's training");
      assert.is(why("thesis.docx"), "not known to belong to a result");
    }),
  );

  test(
    "shards that an index names are the model, and no other",
    inFolder(async (folder) => {
      writeFileSync(join(folder, "config.json"), "{}");
      const header = { w: { dtype: "F32", shape: [1], data_offsets: [0, 4] } };
      for (const name of ["model-1.safetensors", "other.safetensors"]) writeSafetensors(folder, header, 4, name);
      writeFileSync(join(folder, "model.safetensors.index.json"), `{"weight_map":{"w":"model-1.safetensors"}}`);
      const { companions, leftBehind } = await openCheckpoint(folder);
      assert.equal(companions, []);
      assert.equal(leftBehind, [{ name: "other.safetensors", why: "other weights" }]);
    }),
  );

  test(
    "a card that leads out of the folder is not read, one that is no text hinders nobody, an adapter alone is no model",
    inFolder(async (folder) => {
      for (const name of ["a", "b", "c"]) mkdirSync(join(folder, name));
      writeFileSync(join(folder, "secret"), "---\nkey: secret\n---\n");
      fill(join(folder, "a"), []);
      symlinkSync("../secret", join(folder, "a/README.md"));
      assert.equal((await openCheckpoint(join(folder, "a"))).card, []);
      fill(join(folder, "b"), []);
      writeFileSync(join(folder, "b/README.md"), Buffer.from("---\nlicense: \xff\n---\n", "latin1"));
      const [found] = (await openCheckpoint(join(folder, "b"))).leftBehind;
      assert.match(found?.why ?? "", /^its front matter is not plain YAML/);
      writeFileSync(join(folder, "c/adapter_config.json"), "{}");
      await refused(() => openCheckpoint(join(folder, "c")), /c holds an adapter, and no model; merge it/);
    }),
  );
});

const fromCard = (
  front: string,
  more: { hubName?: string; config?: Record<string, unknown> } = {},
): readonly string[] =>
  resultFrontMatter(frontMatter(`---\n${front}\n---\n# Card\n`) ?? [], { hubName: null, config: {}, ...more });

suite("io: front matter", ({ test }) => {
  const own = ["library_name: transformers", "tags:", "- lcomp", "---"];

  test("licence, languages and texts of any form stay as they are written", () => {
    const front = [
      "license: other # see LICENSE",
      "license_name: llama3.2",
      "language:\n  - en\n  - no",
      "extra_gated_prompt: >-\n  ### TERMS\n\n  * one: two\n  --- \n  three",
      "datasets: [org/a,\n  org/b]",
      '"pipeline_tag": text-generation',
      "extra_gated_fields:\n  First Name: text\n  Job title:\n    type: select\n    options:\n      - Student\n      - 'Other: own'",
      "metrics:\n- type: a # b\n  name: it's\n-\n  type: c",
    ].join("\n");
    assert.equal(fromCard(front), ["---", ...front.split("\n"), ...own]);
  });

  test("what is untrue of a result goes, tags are added to", () => {
    const front =
      "tags:\n- llama\n- 'no'\n- arxiv:2307.09288\n- a: b\nmodel-index:\n- name: x\n  results: []\nlibrary_name: peft\nbase_model_relation: finetune";
    assert.equal(fromCard(front), [
      "---",
      "library_name: transformers",
      ...["tags:", "- llama", "- 'no'", "- arxiv:2307.09288", "- lcomp", "---"],
    ]);
    assert.equal(fromCard("tags: [a, lcomp, b]").slice(2), ["tags:", "- a", "- b", "- lcomp", "---"]);
  });

  test("the base is the model on the Hub, else what its card or config says, and never a path", () => {
    assert.equal(fromCard("base_model: org/base"), ["---", "base_model: org/base", ...own]);
    assert.equal(fromCard('base_model:\n- org/a\n- "org/b"'), ["---", "base_model:", "- org/a", "- org/b", ...own]);
    assert.equal(fromCard("base_model: org/base", { hubName: "org/fine" }), ["---", "base_model: org/fine", ...own]);
    const named = (name: string) => fromCard("a: b", { config: { _name_or_path: name } });
    assert.equal(named("org/base"), ["---", "a: b", "base_model: org/base", ...own]);
    for (const path of [
      "/srv/me/model",
      "./model",
      "../model",
      "out/first",
      "C:\\models\\a",
      "models/tiny",
      "",
      "a/b/c",
    ])
      assert.equal(named(path), ["---", "a: b", ...own], path);
    assert.equal(fromCard("base_model: /srv/me/model"), ["---", ...own]);
  });

  test("a front matter that is not plain YAML is not taken over", () => {
    for (const front of [
      "a: 1\nb",
      "a: &x 1\nb: *x",
      "a: 1\na: 2",
      "{a: 1}",
      "? a\n: b",
      "a: \u202e",
      "a: !!js/x y",
      "  a: 1",
      "...\na: 1",
      ...["a: [b", "a: b]\nc: [d", "a: {b: [c}", "a: [b\nc: d]", 'a: "b', "a: 'b", "a: b: c", "a: @b", "a: %b"],
      ...["a:\n\t- b", "a:\n- b\n  - c", "a:\n  - b\n - c", "a:\n  b: c\n- d", "a: b\n- c", "a:\n  b:\n   c: d\n  - e"],
    ])
      assert.is(frontMatter(`---\n${front}\n---\n`), undefined, front);
    assert.is(frontMatter("---\na: 1\n"), undefined);
    assert.equal(frontMatter("# Card\n---\na: 1\n---\n"), []);
    assert.equal(frontMatter("\ufeff---\r\na: 1\r\n---\r\n"), [{ key: "a", lines: ["a: 1"] }]);
  });
});
