// The tokenizer of a model folder, as Transformers makes it of the folder's files: tokenizer.json, and beside it the names of the
// special tokens. Where the model's config contradicts it, the tokenizer is right, and that is said.
import { join } from "node:path";
import { type Encoder, encoderOf } from "../tokenizer/encoder.ts";
import type { Ids } from "../tokenizer/ids.ts";
import { UserError } from "../user-error.ts";
import { requireSize } from "./checkpoint.ts";
import { isJsonObject, isMissing, type JsonObject, readJsonObject } from "./file.ts";

/** The tokenizer of a model. */
export interface Tokenizer {
  /** Adds the token ids of a text, all below the model's vocab_size; `onPiece` hears how many more characters are done. */
  readonly encode: (text: string, ids: Ids, onPiece: (characters: number) => void) => void;
  /** The special tokens that the tokenizer puts around a text. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** What precedes a document: the beginning of text, or the end where there is none; undefined where there is neither. */
  readonly head: number | undefined;
  /** What a user should know of its files. */
  readonly notes: readonly string[];
}

/** Reads the tokenizer of a model folder. */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const config = await readJsonObject(folder, "config.json");
  const vocabulary = requireSize({ folder, config }, "vocab_size");
  const settings = await readSettings(folder);
  const definition = asLoaded(await readDefinition(folder), settings, config);
  const encoder = encoderOf(definition, join(folder, "tokenizer.json"));
  if (encoder.largest >= vocabulary) throw misfit(folder, encoder.largest, vocabulary);
  const { head, notes } = await headOf(folder, { encoder, settings, config });
  const { before, after } = encoder;
  const special = [head ?? 0, ...before, ...after].find((id) => id >= vocabulary);
  if (special !== undefined) throw misfit(folder, special, vocabulary);
  const encode: Tokenizer["encode"] = (text, ids, onPiece) => {
    const start = ids.length;
    encoder.encode(text, ids, onPiece);
    const bad = ids.firstFrom(start, vocabulary);
    if (bad !== undefined) throw misfit(folder, bad, vocabulary);
  };
  return { encode, before, after, head, notes };
}

const misfit = (folder: string, id: number, vocabulary: number): UserError =>
  new UserError(
    `the tokenizer in ${folder} does not fit: it has a token ${id}, the model's vocab_size is ${vocabulary}; use the tokenizer of this model`,
  );

const readDefinition = (folder: string): Promise<JsonObject> =>
  readJsonObject(folder, "tokenizer.json").catch((error: unknown) => {
    if (!isMissing(error)) throw error;
    const way = "save the model's tokenizer there (Transformers: tokenizer.save_pretrained)";
    throw new UserError(`${folder} has no tokenizer.json; ${way}`, { cause: error });
  });

const readOptional = (folder: string, name: string): Promise<JsonObject> =>
  readJsonObject(folder, name).catch((error: unknown) => {
    if (isMissing(error)) return {};
    throw error;
  });

/** tokenizer_config.json; files from before it listed the added tokens are completed by special_tokens_map.json, which wins. */
async function readSettings(folder: string): Promise<JsonObject> {
  const settings = await readOptional(folder, "tokenizer_config.json");
  if ("added_tokens_decoder" in settings) return settings;
  return { ...settings, ...(await readOptional(folder, "special_tokens_map.json")) };
}

const classOf = (settings: JsonObject): string => String(settings["tokenizer_class"]).replace(/Fast$/, "");
const isLlama = (settings: JsonObject): boolean => ["LlamaTokenizer", "CodeLlamaTokenizer"].includes(classOf(settings));
/** Model types whose tokenizers Transformers takes as they are stored, whatever class they name. */
const takenAsStored = /^(mistral|ministral|mixtral|pixtral|voxtral|phi3|olmo)/;

/**
 * The definition as Transformers loads it. For a `LlamaTokenizer` that does not work on bytes it takes no more than vocabulary,
 * merges, added tokens and the special tokens around a text from the file, and marks spaces in a way of its own.
 */
function asLoaded(definition: JsonObject, settings: JsonObject, config: JsonObject): JsonObject {
  const added = withSpecialTokens(definition, settings);
  const { model } = definition;
  const isRebuilt =
    isLlama(settings) &&
    !takenAsStored.test(String(config["model_type"])) &&
    isJsonObject(model) &&
    Array.isArray(model["merges"]) &&
    !JSON.stringify([definition["pre_tokenizer"], definition["decoder"]]).includes('"ByteLevel"');
  if (!isRebuilt) return { ...definition, added_tokens: added };
  const { vocab, merges } = model;
  const scheme = settings["legacy"] === true && classOf(settings) === "LlamaTokenizer" ? "always" : "first";
  const prepend_scheme = settings["add_prefix_space"] === false ? "never" : scheme;
  return {
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme, split: false },
    post_processor: definition["post_processor"],
    model: { type: "BPE", vocab, merges, byte_fallback: true, fuse_unk: true },
  };
}

/** The added tokens, and the special ones that the settings name and that only the vocabulary has. */
function withSpecialTokens(definition: JsonObject, settings: JsonObject): readonly unknown[] {
  const stored: unknown = definition["added_tokens"] ?? [];
  const added: readonly unknown[] = Array.isArray(stored) ? stored : [];
  const model = definition["model"];
  const vocabulary = isJsonObject(model) && isJsonObject(model["vocab"]) ? model["vocab"] : {};
  const listed = new Set(added.map((token) => tokenText(token)));
  const named = Object.entries(settings)
    .filter(([key]) => key.endsWith("_token"))
    .map(([, token]) => tokenText(token));
  const missing = [...new Set(named)].filter((token) => Object.hasOwn(vocabulary, token) && !listed.has(token));
  return [
    ...added,
    ...missing.map((content) => ({ id: vocabulary[content], content, special: true, normalized: false })),
  ];
}

interface Sources {
  readonly encoder: Encoder;
  readonly settings: JsonObject;
  readonly config: JsonObject;
}

/** What precedes a document, and where the files of the folder do not agree on it. */
async function headOf(folder: string, sources: Sources): Promise<Pick<Tokenizer, "head" | "notes">> {
  const { encoder, settings, config } = sources;
  const own = (name: "bos" | "eos"): number | undefined => {
    const fallback = name === "bos" && isLlama(settings) ? "<s>" : "";
    return encoder.idOf(tokenText(settings[`${name}_token`]) || fallback);
  };
  const [first] = encoder.before;
  const named = own("bos");
  const beginning = encoder.before.length === 1 ? first : named;
  if (beginning === undefined) {
    const generation = await readOptional(folder, "generation_config.json");
    const stored = (name: string): number | undefined =>
      firstId(config[`${name}_token_id`]) ?? firstId(generation[`${name}_token_id`]);
    return { head: stored("bos") ?? own("eos") ?? stored("eos"), notes: [] };
  }
  const others = [
    ["bos_token of its tokenizer_config.json", named],
    ["bos_token_id of its config.json", firstId(config["bos_token_id"])],
  ] as const;
  const notes = others.flatMap(([what, id]) =>
    id === undefined || id === beginning
      ? []
      : [`texts begin with token ${beginning}, as the tokenizer in ${folder} has it; the ${what} is ${id}`],
  );
  return { head: beginning, notes };
}

/** A token id of a config; where there is a list (several ends of text), its first. */
const firstId = (value: unknown): number | undefined => {
  const id: unknown = Array.isArray(value) ? value[0] : value;
  return typeof id === "number" && Number.isInteger(id) && id >= 0 ? id : undefined;
};

/** The text of a token: the text itself or an object with it. */
const tokenText = (value: unknown): string => {
  const text = isJsonObject(value) ? value["content"] : value;
  return typeof text === "string" ? text : "";
};
