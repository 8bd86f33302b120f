/**
 * The definition of a tokenizer as Transformers 5 loads it. Some of its classes take no more than vocabulary, merges and the special
 * tokens around a text from tokenizer.json, and split texts in a way of their own; all add the tokens that other files name.
 */
import { isJsonObject, type JsonObject } from "./file.ts";
import { gatherTokens, tokenText } from "./special-tokens.ts";

/** A definition to encode with, and what else the files of a folder say. */
export interface Loaded {
  readonly definition: JsonObject;
  /** The special tokens by their names, such as `bos_token`. */
  readonly special: JsonObject;
  /** What a user should know of the class. */
  readonly notes: readonly string[];
}

/** What a class puts in the place of a definition's parts, and the special tokens that it has where no file names them. */
interface Rebuilt {
  readonly parts: (settings: JsonObject, stored: JsonObject) => JsonObject;
  readonly special: JsonObject;
}

/** The merges of a definition, undefined if its model is of another kind. */
function piecesOf({ model }: JsonObject): JsonObject | undefined {
  if (!isJsonObject(model)) return undefined;
  const { vocab, merges } = model;
  return isJsonObject(vocab) && Array.isArray(merges) ? { type: "BPE", vocab, merges } : undefined;
}

const metaspace = (prepend_scheme: string): JsonObject => ({
  normalizer: null,
  pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme, split: false },
});

const byteLevel = (settings: JsonObject, more: JsonObject = {}): JsonObject => ({
  type: "ByteLevel",
  add_prefix_space: settings["add_prefix_space"] === true,
  ...more,
});

/** How pieces become text; one space is taken from its beginning where one was put there. */
const ofPieces = (isPrefixed: boolean): JsonObject => ({
  type: "Sequence",
  decoders: [
    { type: "Replace", pattern: { String: "▁" }, content: " " },
    { type: "ByteFallback" },
    { type: "Fuse" },
    ...(isPrefixed ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
  ],
});

const ofBytes: JsonObject = { type: "ByteLevel" };

const inTurn = (...pretokenizers: readonly JsonObject[]): JsonObject => ({ type: "Sequence", pretokenizers });

/** What puts the beginning of text before each text, if the vocabulary has one. */
function beginning({ model }: JsonObject, bos: string): JsonObject | null {
  const id = isJsonObject(model) && isJsonObject(model["vocab"]) ? model["vocab"][bos] : undefined;
  if (id === undefined) return null;
  const single = [{ SpecialToken: { id: bos, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }];
  return { type: "TemplateProcessing", single, special_tokens: { [bos]: { id: bos, ids: [id], tokens: [bos] } } };
}

const llamaSpecial: JsonObject = { bos_token: "<s>", eos_token: "</s>", unk_token: "<unk>" };
const end = "<|endoftext|>";
const nfc: JsonObject = { type: "NFC" };

const qwenPattern =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const classes: { readonly [name: string]: Rebuilt } = {
  LlamaTokenizer: {
    parts: (settings, stored) => ({
      ...metaspace(settings["add_prefix_space"] === false ? "never" : settings["legacy"] === true ? "always" : "first"),
      model: { ...piecesOf(stored), byte_fallback: true, fuse_unk: true },
      decoder: ofPieces(settings["add_prefix_space"] !== false),
    }),
    special: llamaSpecial,
  },
  CodeLlamaTokenizer: {
    parts: (settings, stored) => ({
      ...metaspace(settings["add_prefix_space"] === false ? "never" : "first"),
      post_processor: beginning(stored, tokenText(settings["bos_token"])),
      model: { ...piecesOf(stored), byte_fallback: true, fuse_unk: true },
      decoder: ofPieces(true),
    }),
    special: {
      ...llamaSpecial,
      prefix_token: "▁<PRE>",
      middle_token: "▁<MID>",
      suffix_token: "▁<SUF>",
      eot_token: "▁<EOT>",
      fill_token: "<FILL_ME>",
    },
  },
  GPT2Tokenizer: {
    parts: (settings, stored) => ({
      normalizer: null,
      pre_tokenizer: byteLevel(settings),
      model: piecesOf(stored),
      decoder: ofBytes,
    }),
    special: { bos_token: end, eos_token: end, unk_token: end },
  },
  Qwen2Tokenizer: {
    parts: (settings, stored) => ({
      normalizer: nfc,
      pre_tokenizer: inTurn(
        { type: "Split", pattern: { Regex: qwenPattern }, behavior: "Isolated", invert: false },
        byteLevel(settings, { use_regex: false }),
      ),
      model: piecesOf(stored),
      decoder: ofBytes,
    }),
    special: { eos_token: end, unk_token: end, pad_token: end },
  },
  GPTNeoXTokenizer: {
    parts: (settings, stored) => ({
      normalizer: nfc,
      pre_tokenizer: byteLevel(settings),
      post_processor: null,
      model: piecesOf(stored),
      decoder: ofBytes,
    }),
    special: { bos_token: end, eos_token: end, unk_token: end, pad_token: "<|padding|>" },
  },
  GemmaTokenizer: {
    parts: (settings, stored) => ({
      normalizer: { type: "Replace", pattern: { String: " " }, content: "▁" },
      pre_tokenizer: { type: "Split", pattern: { String: " " }, behavior: "MergedWithPrevious", invert: false },
      model: { ...piecesOf(stored), unk_token: tokenText(settings["unk_token"]), byte_fallback: true, fuse_unk: true },
      decoder: ofPieces(false),
    }),
    special: { bos_token: "<bos>", eos_token: "<eos>", unk_token: "<unk>", pad_token: "<pad>", mask_token: "<mask>" },
  },
  CohereTokenizer: {
    parts: (settings, stored) => ({
      normalizer: nfc,
      pre_tokenizer: inTurn({ type: "Digits", individual_digits: true }, byteLevel(settings)),
      model: piecesOf(stored),
      decoder: ofBytes,
    }),
    special: {
      bos_token: "<BOS_TOKEN>",
      eos_token: "<|END_OF_TURN_TOKEN|>",
      unk_token: "<UNK>",
      sep_token: "<SEP>",
      pad_token: "<PAD>",
      cls_token: "<CLS>",
      mask_token: "<MASK_TOKEN>",
    },
  },
};

/** Classes that take tokenizer.json as it is; no class is one of them. */
const asStored = /^(undefined|null|PreTrainedTokenizer|TokenizersBackend|PythonBackend|BloomTokenizer)$/;

/** Model types whose tokenizers Transformers takes as they are stored, whatever class they name. */
const takenAsStored =
  /^((mis|minis|mix|pix|vox)tral|phi3|olmo[23_]|(arctic|ernie4_5|flex_olmo|glm4?|gpt_bigcode|granite|internlm[23]|jamba|minicpm3|nemotron|phimoe|stablelm)$)/;

/** By classes, the model types whose tokenizers are of them where a folder names none. */
const typesOfClass: { readonly [name: string]: RegExp } = {
  GPT2Tokenizer: /^(codegen|dbrx|gpt(2|j|_neo)|jais2|opt|phi|starcoder2)$/,
  Qwen2Tokenizer: /^qwen(2|3|2_moe|3_moe|3_next)$/,
  GPTNeoXTokenizer: /^(gpt_neo\w|(falcon_)?mamba2?|mpt|olmoe?|rwkv|xlstm)$/,
  GemmaTokenizer: /^(recurrent_)?gemma(2|3n?)?(_text)?$/,
  CohereTokenizer: /^cohere2?$/,
  CodeLlamaTokenizer: /^code_l\w+$/,
};

/** Model types of which Transformers believes no other class. */
const misnamed = /^qwen(2)$/;

/** The files of a tokenizer. */
interface Files {
  readonly definition: JsonObject;
  readonly settings: JsonObject;
  /** added_tokens.json. */
  readonly beside: JsonObject;
  readonly config: JsonObject;
}

/** The definition in tokenizer.json as Transformers loads it with what the files beside it say. */
export function asLoaded(folder: string, { definition, settings, beside, config }: Files): Loaded {
  const type = String(config["model_type"]);
  const name = classOf(type, settings["tokenizer_class"] ?? config["tokenizer_class"]);
  const isFree = !takenAsStored.test(type) && !(isLlama.test(name) && hasBytes(definition));
  const { added_tokens: stored } = definition;
  const rebuilt = isFree && Object.hasOwn(classes, name) ? classes[name] : undefined;
  const special = { ...rebuilt?.special, ...settings };
  const parts = piecesOf(definition) === undefined ? undefined : rebuilt?.parts(special, definition);
  const added_tokens = gatherTokens({ stored, settings: special, beside, isRebuilt: parts !== undefined });
  const other = `"tokenizer_class": "PreTrainedTokenizerFast" in its tokenizer_config.json makes both the same`;
  const way = misnamed.test(type) ? `whatever "tokenizer_class" a ${type} names` : other;
  const notes: string[] = [];
  if (parts !== undefined && !isLlama.test(name) && typesOf(parts) !== typesOf(definition))
    notes.push(
      `is a ${name}: texts are split as Transformers does for that class, not as its tokenizer.json says; ${way}`,
    );
  if (parts === undefined && isFree && !asStored.test(name))
    notes.push(
      `is a ${name}: texts are read as its tokenizer.json says, and Transformers may have another way; ${way}`,
    );
  if (settings["auto_map"] !== undefined) notes.push("names code of its own (auto_map), which is not run");
  return {
    definition: { ...definition, ...parts, added_tokens },
    special,
    notes: notes.map((note) => `the tokenizer in ${folder} ${note}`),
  };
}

/** The class that Transformers takes for a type of model, of a folder that names this one. */
function classOf(type: string, named: unknown): string {
  const own = Object.keys(typesOfClass).find((name) => typesOfClass[name]?.test(type));
  const given = (named ?? null) === null ? own : String(named).replace(/Fast$/, "");
  return String(misnamed.test(type) ? own : given);
}

const isLlama = /^(Code)?LlamaTokenizer$/;

const hasBytes = (definition: JsonObject): boolean =>
  JSON.stringify([definition["pre_tokenizer"], definition["decoder"]]).includes('"ByteLevel"');

/** The kinds of parts that normalize and split a text, in their order. */
const typesOf = ({ normalizer, pre_tokenizer }: JsonObject): string =>
  [...JSON.stringify([normalizer ?? null, pre_tokenizer ?? null]).matchAll(/"type":"(\w+)"/g)]
    .map(([, type]) => type)
    .filter((type) => type !== "Sequence")
    .join();
