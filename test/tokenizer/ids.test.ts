/** Token ids against those of Hugging Face's own library, which test/peers/record_tokenizers.py has recorded. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import * as assert from "uvu/assert";
import { encoderOf } from "../../runtime/tokenizer/encoder.ts";
import { Ids } from "../../runtime/tokenizer/ids.ts";
import { preTokenizerOf } from "../../runtime/tokenizer/pre-tokenizers.ts";
import { UserError } from "../../runtime/user-error.ts";
import { suite } from "../harness/suite.ts";
import { refused } from "../io/folder.ts";

interface Recorded {
  readonly seed: number;
  readonly texts: readonly string[];
  /** Six hexadecimal digits for the ids of each text. */
  readonly kinds: Readonly<Record<string, { readonly definition: unknown; readonly hashes: string }>>;
  /** How patterns at random split texts. */
  readonly splits: readonly (readonly [
    pattern: string,
    behavior: string,
    invert: boolean,
    texts: readonly (readonly [text: string, pieces: readonly string[]])[],
  ])[];
}

const { seed, texts, kinds, splits } = JSON.parse(
  gunzipSync(readFileSync(join(import.meta.dirname, "ids.json.gz"))).toString(),
) as Recorded;

function idsOf(definition: unknown): (text: string) => number[] {
  const encoder = encoderOf(definition, "tokenizer.json");
  return (text) => {
    const ids = new Ids();
    encoder.encode(text, ids, () => undefined);
    return [...encoder.before, ...ids.taken(), ...encoder.after];
  };
}

/** The pieces that a pre-tokenizer makes of a text; null if it is refused. */
function splitterOf(definition: object): ((text: string) => string[]) | null {
  try {
    const split = preTokenizerOf(definition, "tokenizer.json");
    return (text) => {
      const pieces: string[] = [];
      split(text, true, (piece) => pieces.push(piece));
      return pieces;
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return null;
  }
}

const hash = (ids: readonly number[]): string => createHash("md5").update(ids.join(",")).digest("hex").slice(0, 6);

const byteLevel = { type: "ByteLevel", add_prefix_space: false, use_regex: false };

/** A tokenizer of bytes that splits by a pattern first. */
const splitting = (pattern: string) => ({
  pre_tokenizer: {
    type: "Sequence",
    pretokenizers: [{ type: "Split", pattern: { Regex: pattern }, behavior: "Isolated" }, byteLevel],
  },
  model: { type: "BPE", vocab: { a: 0, b: 1, ab: 2 }, merges: ["a b"] },
});

suite(`tokenizer (recorded with seed ${seed})`, ({ test }) => {
  for (const [kind, { definition, hashes }] of Object.entries(kinds))
    test(`${kind}: ${texts.length} texts have the ids of the Rust library`, () => {
      const encode = idsOf(definition);
      const differing = texts.filter((text, i) => hash(encode(text)) !== hashes.slice(6 * i, 6 * i + 6));
      assert.equal(differing.slice(0, 3), [], `${differing.length} texts have other ids`);
    });

  test(`${splits.length} patterns at random split as in the Rust library, or are refused`, () => {
    let refusals = 0;
    for (const [pattern, behavior, invert, split] of splits) {
      const cut = splitterOf({ type: "Split", pattern: { Regex: pattern }, behavior, invert });
      if (cut === null) refusals += 1;
      else for (const [text, pieces] of split) assert.equal(cut(text), pieces, `${pattern} in ${JSON.stringify(text)}`);
    }
    assert.ok(refusals < splits.length / 4, `${refusals}`);
  });

  test("what is not the same as in the Rust library is refused by its place", async () => {
    const model = { type: "WordLevel", vocab: { a: 0 } };
    const given = (parts: object, message: RegExp) => refused(() => encoderOf({ model, ...parts }, "t.json"), message);
    await given(
      { normalizer: { type: "Nmt" } },
      /normalizer in t.json is the normalizer Nmt, which is not supported yet/,
    );
    await given(
      { normalizer: { type: "Sequence", normalizers: [{ type: "NFC" }, { type: "BertNormalizer" }] } },
      /normalizer.normalizers\[1\] in t.json is the normalizer BertNormalizer/,
    );
    await given(
      { pre_tokenizer: { type: "UnicodeScripts" } },
      /pre_tokenizer in t.json is the pre-tokenizer UnicodeScripts/,
    );
    await given({ post_processor: { type: "Other" } }, /is the post-processor Other/);
    await given({ pre_tokenizer: { type: "Metaspace", prepend_scheme: "last" } }, /a Metaspace with the scheme last/);
    await given({ model: { type: "BPE", vocab: { a: 0 }, merges: [], dropout: 0.1 } }, /leaves out merges at random/);
    await given(
      { model: { type: "BPE", vocab: { a: 0 }, merges: ["a b"] } },
      /model.merges\[0\] in t.json must join two/,
    );
    await given({ added_tokens: [{ id: 0 }] }, /added_tokens\[0\].content in t.json must be a text; it is missing/);
    await given({ model: { ...model, unk_token: "?" } }, /model in t.json names "\?", which is not in its vocabulary/);
    const nested = (depth: number): object =>
      Array.from({ length: depth }).reduce((inner: object) => ({ type: "Sequence", normalizers: [inner] }), {
        type: "NFC",
      });
    await given({ normalizer: nested(1000) }, /t.json has parts within parts, too deep to follow/);
    await refused(() => idsOf({ model })("b"), /tokenizer.json has no token for "b"/);
  });

  test("a pattern that JavaScript cannot follow to the letter is refused", async () => {
    const patterns = [
      "a{2}?",
      "(a?)*",
      "(?:a*|b)?",
      "(".repeat(5000),
      "[".repeat(5000),
      "(?i:st)",
      "(?i:é)",
      "(?i)a",
      "\\R",
      "(a)\\1",
      "\\p{Emoji}",
      "(?<n>a)",
      "(?<=(?>a))b",
      "a)",
      "(a",
      "[a",
      "*",
    ];
    for (const pattern of patterns)
      await refused(
        () => encoderOf(splitting(pattern), "t.json"),
        /pretokenizers\[0\].pattern in t.json is the regular expression/,
      );
  });

  test("a definition decides where words begin: long texts are merged word by word with the same result", () => {
    const model = {
      type: "BPE",
      vocab: { "▁": 0, a: 1, b: 2, "▁a": 3, ab: 4, "▁ab": 5, "b▁": 6 },
      merges: ["▁ a", "a b", "▁a b"],
    };
    const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: "always", split: false };
    assert.equal(idsOf({ model, pre_tokenizer: metaspace })("ab ab"), [5, 5]);
    const joining = { ...model, merges: ["b ▁", "a b", "▁ a"] };
    assert.equal(idsOf({ model: joining, pre_tokenizer: metaspace })("ab ab"), [3, 6, 4]);
  });
});
