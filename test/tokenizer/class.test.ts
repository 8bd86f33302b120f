/** What the files beside tokenizer.json make of it: ids, and texts of ids, against those that test/peers/tokenizer_class.py has recorded of Transformers. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { JsonObject } from "../../runtime/io/file.ts";
import { loadTokenizer } from "../../runtime/io/tokenizer.ts";
import { Ids } from "../../runtime/tokenizer/ids.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { root } from "../repository/sources.ts";

interface Row {
  readonly name: string;
  readonly of: string;
  readonly settings: JsonObject;
  readonly config: JsonObject;
  readonly files: { readonly [name: string]: unknown };
  /** Ids of an empty text, with what stands around it. */
  readonly around: readonly number[];
  readonly ids: readonly (readonly number[])[];
  /** The texts of these. */
  readonly decoded: readonly string[];
}

interface Record {
  readonly version: string;
  readonly texts: readonly string[];
  readonly special: { readonly [of: string]: JsonObject };
  readonly pieces: JsonObject;
  /** Post-processors. */
  readonly opened: JsonObject;
  readonly enclosed: JsonObject;
  /** Other parts. */
  readonly stripped: JsonObject;
  readonly rows: readonly Row[];
}

const record: Record = JSON.parse(readFileSync(join(root, "test/peers/tokenizer_class.json"), "utf8"));
const tiny: JsonObject = JSON.parse(readFileSync(join(root, "examples/tiny/tokenizer.json"), "utf8"));
const digit = { type: "Digits", individual_digits: true };
const definitions: { readonly [of: string]: JsonObject } = {
  tiny,
  digits: { ...tiny, pre_tokenizer: { type: "Sequence", pretokenizers: [digit, tiny["pre_tokenizer"]] } },
  pieces: record.pieces,
  opened: { ...tiny, post_processor: record.opened },
  stripped: { ...record.pieces, ...record.stripped },
  enclosed: { ...record.pieces, post_processor: record.enclosed },
};

function write(
  folder: string,
  { of, settings, config, files }: Omit<Row, "name" | "around" | "ids" | "decoded">,
): void {
  const put = (name: string, content: unknown) => writeFileSync(join(folder, name), JSON.stringify(content));
  put("config.json", { model_type: "llama", vocab_size: 1040, ...config });
  put("tokenizer.json", definitions[of]);
  put("tokenizer_config.json", { ...record.special[of], ...settings });
  for (const [name, content] of Object.entries(files)) put(name, content);
}

suite(`tokenizers as Transformers ${record.version} loads them`, ({ test }) => {
  for (const row of record.rows)
    test(
      row.name,
      inFolder(async (folder) => {
        write(folder, row);
        const { encode, decode, before, after } = await loadTokenizer(folder);
        assert.equal([...before, ...after], row.around);
        for (const [i, text] of record.texts.entries()) {
          const ids = new Ids();
          encode(text, ids, () => undefined);
          assert.equal([...ids.taken()], row.ids[i], text);
          assert.is(decode(ids.taken()), row.decoded[i], text);
        }
      }),
    );

  test(
    "a class that splits otherwise than tokenizer.json says, and one that is not known, are said",
    inFolder(async (folder) => {
      const notes = async (of: string, settings: JsonObject, config: JsonObject = {}) => {
        write(folder, { of, settings, config, files: {} });
        return (await loadTokenizer(folder)).notes.join("\n");
      };
      assert.is(await notes("tiny", { tokenizer_class: "GPT2Tokenizer" }), "");
      assert.is(await notes("pieces", { tokenizer_class: "LlamaTokenizerFast" }), "");
      assert.is(await notes("digits", { tokenizer_class: "GPT2Tokenizer" }, { model_type: "mistral" }), "");
      assert.match(
        await notes("digits", { tokenizer_class: "GPT2Tokenizer" }),
        /is a GPT2Tokenizer: texts are split as/,
      );
      assert.match(await notes("tiny", { tokenizer_class: "T5Tokenizer" }), /is a T5Tokenizer: texts are read as its/);
      assert.match(await notes("tiny", { auto_map: { AutoTokenizer: ["own.Own", null] } }), /code of its own/);
    }),
  );

  test(
    "two folders are of one tokenizer if what stands beside tokenizer.json changes no id",
    inFolder(async (folder) => {
      const identityOf = async (settings: JsonObject) => {
        write(folder, { of: "tiny", settings, config: {}, files: {} });
        return (await loadTokenizer(folder)).identity();
      };
      const plain = await identityOf({});
      assert.is(await identityOf({ chat_template: "{{ messages }}" }), plain);
      assert.is.not(await identityOf({ extra_special_tokens: ["kingdom"] }), plain);
      assert.is.not(await identityOf({ split_special_tokens: true }), plain);
      const { decoder: _, ...others } = tiny;
      const { merges, ...model } = tiny["model"] as { readonly merges: readonly string[] };
      const pairs = merges.map((merge) => merge.split(" "));
      const otherwise = { ...others, model: { merges: pairs, ...model, end_of_word_suffix: "" } };
      writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(otherwise));
      assert.is((await loadTokenizer(folder)).identity(), await identityOf({ split_special_tokens: true }));
    }),
  );
});
