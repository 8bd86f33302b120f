import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { type Corpus, loadCorpus, sample, windows } from "../../runtime/io/corpus.ts";
import { loadTokenizer, type Tokenizer } from "../../runtime/io/tokenizer.ts";
import { Ids } from "../../runtime/tokenizer/ids.ts";
import { type Suite, suite } from "../harness/suite.ts";
import { root } from "../repository/sources.ts";
import { listed } from "../run/windows.ts";
import { inFolder, refused } from "./folder.ts";

const shared = join(import.meta.dirname, "../../../shared");
const tiny = join(import.meta.dirname, "../../examples/tiny");

/** A tokenizer of bytes, with what its ids stand for in plain sight. */
const bytes: Tokenizer = {
  encode: (text, ids) => ids.pushAll(Buffer.from(text)),
  decode: (ids) => Buffer.from([...ids]).toString(),
  before: [1],
  opening: [1],
  after: [],
  head: 1,
  ends: async () => [2],
  identity: () => "",
  notes: [],
  files: {},
};

const idsOf = ({ encode }: Tokenizer, text: string): readonly number[] => {
  const ids = new Ids();
  encode(text, ids, () => undefined);
  return [...ids.taken()];
};

/** A word-level tokenizer folder over a vocabulary. */
function writeTokenizer(folder: string, vocab: unknown, config: object = {}, settings: object = {}): void {
  const model = { type: "WordLevel", vocab, unk_token: null };
  const added = [
    { id: 9, content: "<pad>", special: true, normalized: false, single_word: false, lstrip: false, rstrip: false },
  ];
  const parts = { normalizer: null, pre_tokenizer: { type: "WhitespaceSplit" }, post_processor: null, decoder: null };
  writeFileSync(join(folder, "tokenizer.json"), JSON.stringify({ added_tokens: added, ...parts, model }));
  writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify(settings));
  writeFileSync(join(folder, "config.json"), JSON.stringify({ vocab_size: 4, ...config }));
}

const corpusOf = (count: number): Corpus => ({
  path: "some.txt",
  tokens: Int32Array.from({ length: count }, (_, i) => i),
});

const known = [
  ["stories260K", "tinystories/test.txt", 145_038, [1]],
  ["babyllama361", "tinystories/test.txt", 300_002, [1]],
  ["tiny", "world/test.jsonl", 71_728, [0]],
] as const;

function readKnown({ test, skip }: Suite): void {
  for (const [model, text, count, start] of known) {
    const name = `${model} reads ${text} as ${count} tokens`;
    const [folder, file] = [join(shared, "models", model), join(shared, "text", text)];
    if (!existsSync(folder)) skip(name, "../shared is absent");
    else
      test(name, async () => {
        const { tokens } = await loadCorpus(file, "test", await loadTokenizer(folder));
        assert.is(tokens.length, count);
        assert.equal([...tokens.subarray(0, start.length)], start);
      });
  }
}

function readCorpora({ test }: Suite): void {
  test(
    "a corpus is the split of a folder, or one file for every split",
    inFolder(async (folder) => {
      writeFileSync(join(folder, "train.txt"), "ab");
      writeFileSync(join(folder, "test.jsonl"), '{"text":"c"}\n');
      const read = async (path: string, split: "train" | "test") => [...(await loadCorpus(path, split, bytes)).tokens];
      assert.equal(await read(folder, "train"), [1, 97, 98]);
      assert.equal(await read(folder, "test"), [1, 99]);
      assert.equal(await read(join(folder, "train.txt"), "test"), [1, 97, 98]);
      writeFileSync(join(folder, "marked.txt"), "\uFEFFa\r\nb");
      assert.equal(await read(join(folder, "marked.txt"), "test"), [1, 97, 13, 10, 98]);
      await refused(() => loadCorpus(folder, "validation", bytes), /has neither validation.jsonl nor validation.txt/);
      writeFileSync(join(folder, "test.txt"), "c");
      await refused(
        () => loadCorpus(folder, "test", bytes),
        /has both test.(jsonl|txt) and test.(jsonl|txt); remove one/,
      );
      writeFileSync(join(folder, "a.csv"), "c");
      await refused(() => loadCorpus(join(folder, "a.csv"), "test", bytes), /must be a \.txt .* or a \.jsonl/);
      await refused(() => loadCorpus(join(folder, "absent"), "test", bytes), /cannot read .*absent: there is no such/);
    }),
  );

  test(
    "documents are cut at line feeds alone, blank lines and a last line without one included",
    inFolder(async (folder) => {
      const path = join(folder, "a.jsonl");
      writeFileSync(path, '\uFEFF{"text":"a\u2028b"}\r\n\n  \n{"text":""}\n{"text":"c","more":1}');
      const { tokens } = await loadCorpus(path, "test", bytes);
      assert.equal([...tokens], [1, 97, 0xe2, 0x80, 0xa8, 98, 1, 1, 99]);
      const { tokens: withoutBos } = await loadCorpus(path, "test", { ...bytes, head: 2 });
      assert.is(withoutBos[0], 2);
      await refused(
        () => loadCorpus(path, "test", { ...bytes, head: undefined }),
        /neither bos_token_id nor eos_token_id/,
      );
    }),
  );

  test(
    "a document longer than what is read at once comes whole",
    inFolder(async (folder) => {
      const path = join(folder, "a.jsonl");
      const text = "é".repeat(300_000);
      writeFileSync(path, `${JSON.stringify({ text })}\n${JSON.stringify({ text: "x" })}\n`);
      const { tokens } = await loadCorpus(path, "test", bytes);
      assert.equal(tokens, Int32Array.from([1, ...Buffer.from(text), 1, 120]));
    }),
  );
}

/** A module that tells how much memory its process has had at most, in kilobytes. */
const telling = `data:text/javascript,process.on("exit",()=>console.error("peak",process.resourceUsage().maxRSS))`;

function holdMemory({ test, skip }: Suite): void {
  const example = existsSync(tiny) ? test : (name: string) => skip(name, "examples/tiny is absent");
  example(
    "two splits of 20 MB and the plan for them take less than 700 MB",
    inFolder(async (folder) => {
      const text = join(folder, "text.txt");
      writeFileSync(text, "In 1789, quite the oddest of years, 42 %! ".repeat(500_000));
      const args = ["plan", join(root, "examples/first.lcomp"), "--model", tiny, "--text", text];
      const command = ["--import", telling, join(root, "runtime/cli/main.ts"), ...args];
      const { status, stderr } = spawnSync(process.execPath, [...command, "--output", join(folder, "plan.json")], {
        encoding: "utf8",
      });
      const peak = Number(/^peak (\d+)$/m.exec(stderr)?.[1]);
      assert.is(status, 0, stderr);
      assert.ok(peak < 700_000, `${peak} KB`);
    }),
  );
}

function refuseCorpora({ test }: Suite): void {
  test(
    "a malformed corpus is refused by file and line",
    inFolder(async (folder) => {
      const given = async (name: string, text: string | Uint8Array, message: RegExp) => {
        writeFileSync(join(folder, name), text);
        await refused(() => loadCorpus(join(folder, name), "test", bytes), message);
      };
      await given("a.jsonl", '{"text":"a"}\n{"text":\n', /a.jsonl, line 2, is not valid JSON/);
      await given(
        "a.jsonl",
        '{"text":"a"}\n\n{"tekst":"a"}\n',
        /a.jsonl, line 3, must be a JSON object with a string in "text"/,
      );
      await given("a.jsonl", '["a"]', /line 1, must be a JSON object/);
      await given("a.jsonl", Uint8Array.of(34, 0xff, 34), /line 1, is not UTF-8 text/);
      await given("a.jsonl", '{"text":"a"}\n{"text":"\\ud83d!"}', /line 2, has half of a pair of surrogates in "text"/);
      await given("a.jsonl", "\n\n", /a.jsonl is empty; give a text/);
      await given("a.txt", "\uFEFF", /a.txt is empty; give a text/);
      await given("a.txt", "", /a.txt is empty; give a text/);
      await given("a.txt", Uint8Array.of(65, 0xc3), /a.txt is not UTF-8 text/);
    }),
  );
}

function drawWindows({ test }: Suite): void {
  test("windows follow each other without overlap, and too few tokens are counted", async () => {
    assert.equal(
      listed(windows(corpusOf(11), 3)).map((window) => [...window]),
      [
        [0, 1, 2],
        [3, 4, 5],
        [6, 7, 8],
      ],
    );
    assert.is(windows(corpusOf(9), 3).length, 3);
    assert.is(windows(corpusOf(9), 3, 2).length, 2);
    await refused(() => windows(corpusOf(2), 3), /some.txt has 2 tokens, and one window needs 3/);
    await refused(() => sample(corpusOf(2), 1, 3, 0), /some.txt has 2 tokens, and one window needs 3/);
  });

  test("a sample is drawn by its seed alone and reaches both ends of the text", () => {
    const starts = (seed: number, count: number) =>
      listed(sample(corpusOf(20), count, 4, seed)).map((row) => row[0] as number);
    assert.equal(starts(0, 5), [7, 5, 6, 12, 11]); // recorded: plans depend on it
    assert.equal(starts(7, 50), starts(7, 100).slice(0, 50));
    assert.not.equal(starts(7, 50), starts(8, 50));
    const all = new Set(starts(1, 1000));
    assert.equal(
      [...all].sort((a, b) => a - b),
      Array.from({ length: 17 }, (_, i) => i),
    );
    assert.ok(
      listed(sample(corpusOf(20), 30, 4, 1)).every((row) => row.length === 4 && row[3] === (row[0] as number) + 3),
    );
    assert.equal([...sample(corpusOf(4), 1, 4, 1).at(0)], [0, 1, 2, 3]);
  });
}

function loadTokenizers({ test }: Suite): void {
  test(
    "a tokenizer that does not fit its model is refused",
    inFolder(async (folder) => {
      writeTokenizer(folder, { a: 0, d: 1, e: 2, b: 3 });
      const tokenizer = await loadTokenizer(folder);
      assert.equal(idsOf(tokenizer, "b a"), [3, 0]);
      await refused(() => idsOf(tokenizer, "a <pad>"), /does not fit: it has a token 4, the model's vocab_size is 4/);
      await refused(() => idsOf(tokenizer, "a c"), /has no token for "c"/);
      writeTokenizer(folder, { a: 0, b: 4 });
      await refused(() => loadTokenizer(folder), /does not fit: it has a token 4, the model's vocab_size is 4/);
      writeTokenizer(folder, { a: 1e15 });
      await refused(() => loadTokenizer(folder), /a token with the id 1000000000000000/);
      writeTokenizer(folder, { a: -1 });
      await refused(() => loadTokenizer(folder), /a token with the id -1/);
      writeTokenizer(folder, 3);
      await refused(() => loadTokenizer(folder), /has no vocabulary/);
      writeFileSync(join(folder, "tokenizer.json"), '{"model":{"type":"Other","vocab":{}}}');
      await refused(
        () => loadTokenizer(folder),
        /model in .*tokenizer.json is the model Other, which is not supported/,
      );
      rmSync(join(folder, "tokenizer.json"));
      await refused(() => loadTokenizer(folder), /has no tokenizer\.json; save the model's tokenizer there/);
    }),
  );
}

function takeClasses({ test }: Suite): void {
  test(
    "a LlamaTokenizer marks spaces as Transformers has it, whatever its file says; other classes are taken as they are stored",
    inFolder(async (folder) => {
      const added = [{ id: 2, content: "</s>", special: true, normalized: false }];
      const normalizers = [
        { type: "Prepend", prepend: "▁" },
        { type: "Replace", pattern: { String: " " }, content: "▁" },
      ];
      const model = { type: "BPE", vocab: { "▁": 0, a: 1, "</s>": 2 }, merges: [] };
      const definition = { added_tokens: added, normalizer: { type: "Sequence", normalizers }, model };
      writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(definition));
      const ids = async (settings: object, config: object = { model_type: "llama" }) => {
        writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify(settings));
        writeFileSync(join(folder, "config.json"), JSON.stringify({ vocab_size: 3, ...config }));
        const tokenizer = await loadTokenizer(folder);
        return [" a", "a</s>a"].map((text) => idsOf(tokenizer, text).join(" "));
      };
      const llama = { tokenizer_class: "LlamaTokenizer" };
      assert.equal(await ids({ tokenizer_class: "PreTrainedTokenizerFast" }), ["0 0 1", "0 1 2 0 1"]);
      assert.equal(await ids({ ...llama, legacy: true }), ["0 1", "0 1 2 0 1"]);
      assert.equal(await ids({ ...llama, legacy: false }), ["0 1", "0 1 2 1"]);
      assert.equal(await ids({ ...llama, tokenizer_class: "CodeLlamaTokenizer", legacy: true }), ["0 1", "0 1 2 1"]);
      assert.equal(await ids({ ...llama, add_prefix_space: false }), ["0 1", "1 2 1"]);
      assert.equal(await ids(llama, { model_type: "mistral" }), ["0 0 1", "0 1 2 0 1"]);
    }),
  );
}

function findEnds({ test, skip }: Suite): void {
  test(
    "what precedes a document is the tokenizer's beginning of text, else the config's, else the end of text",
    inFolder(async (folder) => {
      const vocab = { a: 0, b: 1, "<s>": 2 };
      const head = async (config: object, settings: object = {}) => {
        writeTokenizer(folder, vocab, config, settings);
        const { head: found, notes } = await loadTokenizer(folder);
        return [found, notes.length];
      };
      assert.equal(await head({}), [undefined, 0]);
      assert.equal(await head({ eos_token_id: [1, 0] }), [1, 0]);
      assert.equal(await head({ bos_token_id: 0, eos_token_id: 1 }), [0, 0]);
      assert.equal(await head({ bos_token_id: null }, { eos_token: { content: "a" } }), [0, 0]);
      assert.equal(await head({ bos_token_id: 0 }, { bos_token: "b", eos_token: "a" }), [1, 1]);
      assert.equal(await head({ bos_token_id: 1 }, { bos_token: "b" }), [1, 0]);
      assert.equal(await head({}, { tokenizer_class: "LlamaTokenizer" }), [2, 1]);
      writeFileSync(join(folder, "generation_config.json"), '{"bos_token_id": 0, "eos_token_id": 1}');
      assert.equal(await head({}), [0, 0]);
      rmSync(join(folder, "generation_config.json"));
      writeFileSync(join(folder, "special_tokens_map.json"), '{"bos_token": "b"}');
      assert.equal(await head({}, { bos_token: "a" }), [1, 0]);
      assert.equal(await head({}, { bos_token: "a", added_tokens_decoder: {} }), [0, 0]);
    }),
  );

  const example = existsSync(tiny) ? test : (name: string) => skip(name, "examples/tiny is absent");
  example(
    "a tokenizer with another model's config is refused",
    inFolder(async (folder) => {
      mkdirSync(join(folder, "m"));
      cpSync(tiny, join(folder, "m"), { recursive: true });
      writeFileSync(join(folder, "m/config.json"), '{"vocab_size": 512}');
      await refused(
        () => loadTokenizer(join(folder, "m")),
        /does not fit: it has a token 1023, the model's vocab_size is 512/,
      );
    }),
  );
}

suite("io: text", (t) => {
  readKnown(t);
  readCorpora(t);
  holdMemory(t);
  refuseCorpora(t);
  drawWindows(t);
  loadTokenizers(t);
  takeClasses(t);
  findEnds(t);
});
