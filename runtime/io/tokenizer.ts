// Text to token ids, by Hugging Face's tokenizers. The library trusts its files; they are checked here.
import { join } from "node:path";
import { Tokenizer as Library } from "@huggingface/tokenizers";
import { UserError } from "../user-error.ts";
import { requireSize } from "./checkpoint.ts";
import { isJsonObject, isMissing, type JsonObject, readJsonObject } from "./file.ts";

/** The tokenizer of a model. */
export interface Tokenizer {
  /** Token ids of a text, all below the model's vocab_size; `special` adds what the tokenizer puts around a text. */
  readonly encode: (text: string, options: { readonly special: boolean }) => Int32Array;
  /** Beginning and end of text, where the model has them. */
  readonly bos: number | undefined;
  readonly eos: number | undefined;
}

/** Reads the tokenizer of a model folder. */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const config = await readJsonObject(folder, "config.json");
  const vocabulary = requireSize({ folder, config }, "vocab_size");
  const path = join(folder, "tokenizer.json");
  const definition = await readDefinition(folder);
  const settings = await readOptional(folder, "tokenizer_config.json");
  const generation = await readOptional(folder, "generation_config.json");
  const largest = largestId(definition, path);
  if (largest >= vocabulary) throw misfit(folder, largest, vocabulary);
  const library = build(definition, settings, path);
  const special = (name: "bos" | "eos"): number | undefined => {
    const stored = firstId(config[`${name}_token_id`]) ?? firstId(generation[`${name}_token_id`]);
    const id = stored ?? library.token_to_id(tokenText(settings[`${name}_token`]));
    if (id !== undefined && id >= vocabulary) throw misfit(folder, id, vocabulary);
    return id;
  };
  const encode: Tokenizer["encode"] = (text, options) => {
    const { ids, tokens } = library.encode(text, { add_special_tokens: options.special });
    const given: readonly (number | undefined)[] = ids; // undefined where the vocabulary lacks a token
    const bad = given.findIndex((id) => id === undefined || id >= vocabulary);
    if (bad < 0) return Int32Array.from(ids);
    const id = given[bad];
    if (id !== undefined) throw misfit(folder, id, vocabulary);
    throw new UserError(`${path} has no token for ${JSON.stringify(tokens[bad])}; use the tokenizer of this model`);
  };
  return { encode, bos: special("bos"), eos: special("eos") };
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

/** The largest id of the model's own vocabulary. Added tokens may lie beyond: they count only when a text has them. */
function largestId(definition: JsonObject, path: string): number {
  const vocabulary = isJsonObject(definition["model"]) ? definition["model"]["vocab"] : undefined;
  if (Array.isArray(vocabulary)) return vocabulary.length - 1; // Unigram: the id is the place
  if (!isJsonObject(vocabulary)) throw new UserError(`${path} has no vocabulary; save the tokenizer again`);
  const ids = Object.values(vocabulary);
  const bad = ids.find((id) => typeof id !== "number" || !Number.isInteger(id) || id < 0);
  if (bad !== undefined) throw new UserError(`${path} has a token with the id ${JSON.stringify(bad)}; save it again`);
  return (ids as number[]).reduce((largest, id) => Math.max(largest, id), -1);
}

function build(definition: JsonObject, settings: JsonObject, path: string): Library {
  try {
    return new Library(definition, settings);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(`cannot use ${path}: ${reason}; save the tokenizer again`, { cause: error });
  }
}

/** A token id of a config; where there is a list (several ends of text), its first. */
const firstId = (value: unknown): number | undefined => {
  const id: unknown = Array.isArray(value) ? value[0] : value;
  return typeof id === "number" && Number.isInteger(id) && id >= 0 ? id : undefined;
};

/** The text of a token in tokenizer_config.json: the text itself or an object with it. */
const tokenText = (value: unknown): string => {
  const text = isJsonObject(value) ? value["content"] : value;
  return typeof text === "string" ? text : "";
};
