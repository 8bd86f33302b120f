/** Texts of tokens against those of Hugging Face's own library, which test/peers/decoders.py has recorded. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { decoderOf } from "../../runtime/tokenizer/decoder.ts";
import { growingText } from "../../runtime/tokenizer/growing-text.ts";
import { suite } from "../harness/suite.ts";
import { refused } from "../io/folder.ts";
import { root } from "../repository/sources.ts";

interface Recorded {
  readonly lists: readonly (readonly string[])[];
  readonly decoders: Readonly<Record<string, { readonly decoder: unknown; readonly texts: readonly string[] }>>;
}

const { lists, decoders }: Recorded = JSON.parse(readFileSync(join(root, "test/peers/decoders.json"), "utf8"));

suite("decoders", ({ test }) => {
  for (const [name, { decoder, texts }] of Object.entries(decoders))
    test(`${name}: ${lists.length} lists of tokens have the texts of the Rust library`, () => {
      const decode = decoderOf(decoder, "tokenizer.json");
      for (const [i, tokens] of lists.entries()) assert.is(decode(tokens), texts[i], JSON.stringify(tokens));
    });

  for (const [name, { decoder, texts }] of Object.entries(decoders))
    test(`${name}: token by token the text is the same, as far as all of it is one`, () => {
      const decode = decoderOf(decoder, "tokenizer.json");
      for (const [i, tokens] of lists.entries()) {
        if (texts[i]?.includes("\ufffd")) continue; // bytes that end as no character may take back what they stood for
        const [first, ...others] = tokens.keys();
        const begin = first === undefined ? [] : [first];
        const growing = growingText((ids) => decode(ids.map((id) => tokens[id] ?? "")), begin);
        const pieces = [decode(tokens.slice(0, 1)), ...others.map(growing.add), growing.rest()];
        assert.is(pieces.join(""), texts[i], JSON.stringify(tokens));
      }
    });

  test("half a character is not shown before the other half is there", () => {
    const tokens = ["a", "Ã", "©", "Ã"];
    const decode = decoderOf({ type: "ByteLevel" }, "t.json");
    const whole = growingText((ids) => decode(ids.map((id) => tokens[id] ?? "")), []);
    assert.equal([0, 1, 2, 3].map(whole.add), ["a", "", "é", ""]);
    assert.is(whole.rest(), "\ufffd");
  });

  test("what is not the same as in the Rust library is refused by its place", () =>
    refused(
      () => decoderOf({ type: "Sequence", decoders: [{ type: "Fuse" }, { type: "CTC" }] }, "t.json"),
      /decoder.decoders\[1\] in t.json is the decoder CTC, which is not supported yet/,
    ));
});
