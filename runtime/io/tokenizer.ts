// The tokenizer of a model folder, as Transformers makes it of the folder's files: tokenizer.json, and beside it the names of the
// special tokens. Where the model's config contradicts it, the tokenizer is right, and that is said.
import { join } from "node:path";
import { type Encoder, encoderOf } from "../tokenizer/encoder.ts";
import type { Ids } from "../tokenizer/ids.ts";
import { UserError } from "../user-error.ts";
import { requireSize } from "./checkpoint.ts";
import { isJsonObject, isMissing, type JsonObject, jsonObject, readText } from "./file.ts";
import { isGguf, openGguf } from "./gguf/model.ts";
import { sha256 } from "./hash.ts";
import { byText } from "./safetensors-writer.ts";
import { tokenText } from "./special-tokens.ts";
import { asLoaded } from "./tokenizer-class.ts";

/** The tokenizer of a model. */
export interface Tokenizer {
  /** Adds the token ids of a text, all below the model's vocab_size; `onPiece` hears how many more characters are done. */
  readonly encode: (text: string, ids: Ids, onPiece: (characters: number) => void) => void;
  /** The text of token ids, without special tokens. */
  readonly decode: (ids: Iterable<number>) => string;
  /** The special tokens that the tokenizer puts around a text. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** What precedes a question: what the tokenizer puts before a text; where that is nothing, the head if `add_bos_token` asks for it. */
  readonly opening: readonly number[];
  /** What precedes a document: the beginning of text, or the end where there is none; undefined where there is neither. */
  readonly head: number | undefined;
  /** The tokens that end a text which a model writes, as its generation_config.json says, or else its config.json, or else the tokenizer. */
  readonly ends: () => Promise<readonly number[]>;
  /** Equal where the same texts that go on become the same ids, as far as forms that mean the same are known. */
  readonly identity: () => string;
  /** What a user should know of its files. */
  readonly notes: readonly string[];
  /** The sha256 of the files of the folder that it was made of, by their names. */
  readonly files: Readonly<Record<string, string>>;
}

/** Reads the tokenizer of a model: of a folder, or of a GGUF file. */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const files: Record<string, string> = {};
  const { textOf, isOfType } = await textsOf(folder);
  const read: Read = async (name) => {
    const text = await textOf(name);
    if (text === undefined) return undefined;
    files[name] = sha256(text);
    return jsonObject(text, join(folder, name));
  };
  const config = (await read("config.json")) ?? {};
  const vocabulary = requireSize({ folder, config }, "vocab_size");
  const settings = await readSettings(read);
  const beside = "added_tokens_decoder" in settings ? {} : ((await read("added_tokens.json")) ?? {});
  const definition = (await read("tokenizer.json")) ?? without(folder);
  const loaded = asLoaded(folder, { definition, settings, beside, config: isOfType ? config : {} });
  const isSplit = settings["split_special_tokens"] === true;
  const encoder = encoderOf(loaded.definition, join(folder, "tokenizer.json"), isSplit);
  if (encoder.largest >= vocabulary) throw misfit(folder, encoder.largest, vocabulary);
  const { head, notes } = await headOf(folder, { read, encoder, special: loaded.special, config, vocabulary });
  const { before, after } = encoder;
  const special = [head ?? 0, ...before, ...after].find((id) => id >= vocabulary);
  if (special !== undefined) throw misfit(folder, special, vocabulary);
  const encode: Tokenizer["encode"] = (text, ids, onPiece) => {
    const start = ids.length;
    encoder.encode(text, ids, onPiece);
    const bad = ids.firstFrom(start, vocabulary);
    if (bad !== undefined) throw misfit(folder, bad, vocabulary);
  };
  const isOpened = before.length === 0 && settings["add_bos_token"] === true && head !== undefined;
  const opening = isOpened ? [head] : before;
  const identity = () => JSON.stringify([inOneForm(loaded.definition), opening, after, isSplit, head ?? null]);
  const { decode } = encoder;
  const ends = async (): Promise<readonly number[]> => {
    const text = await textOf("generation_config.json");
    const said = text === undefined ? {} : jsonObject(text, join(folder, "generation_config.json"));
    return endsIn(said) ?? endsIn(config) ?? [encoder.idOf(tokenText(loaded.special["eos_token"])) ?? []].flat();
  };
  return { encode, decode, before, after, opening, head, ends, identity, notes: [...loaded.notes, ...notes], files };
}

/** What a definition says of ids, however it is written: keys in order, and without what is as if it were not there. */
function inOneForm({ normalizer, pre_tokenizer, added_tokens, model }: JsonObject): unknown {
  const { merges, ...pieces } = isJsonObject(model) ? model : {};
  const joined = Array.isArray(merges)
    ? merges.map((merge) => (Array.isArray(merge) ? merge.join(" ") : merge))
    : merges;
  return ordered({ normalizer, pre_tokenizer, added_tokens, model: { ...pieces, merges: joined } });
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (!isJsonObject(value)) return value;
  const said = Object.entries(value).filter(
    ([key, inner]) => (inner ?? "") !== "" && !(key === "trim_offsets" && typeof inner === "boolean"),
  );
  const kept = said.toSorted(([a], [b]) => byText(a, b));
  return Object.fromEntries(kept.map(([key, inner]) => [key, ordered(inner)]));
}

const misfit = (folder: string, id: number, vocabulary: number): UserError =>
  new UserError(
    `the tokenizer in ${folder} does not fit: it has a token ${id}, the model's vocab_size is ${vocabulary}; use the tokenizer of this model`,
  );

/** Reads a file that must hold one JSON object; undefined if there is none. */
type Read = (name: string) => Promise<JsonObject | undefined>;

function without(folder: string): never {
  const way = "save the model's tokenizer there (Transformers: tokenizer.save_pretrained)";
  throw new UserError(`${folder} has no tokenizer.json; ${way}`);
}

/** tokenizer_config.json; files from before it listed the added tokens are completed by special_tokens_map.json, which wins. */
async function readSettings(read: Read): Promise<JsonObject> {
  const settings = (await read("tokenizer_config.json")) ?? {};
  if ("added_tokens_decoder" in settings) return settings;
  return { ...settings, ...(await read("special_tokens_map.json")) };
}

interface Sources {
  readonly read: Read;
  readonly encoder: Encoder;
  /** The special tokens by their names. */
  readonly special: JsonObject;
  readonly config: JsonObject;
  readonly vocabulary: number;
}

/** What precedes a document, and where the files of the folder do not agree on it. */
async function headOf(folder: string, sources: Sources): Promise<Pick<Tokenizer, "head" | "notes">> {
  const { read, encoder, special, config, vocabulary } = sources;
  const own = (name: "bos" | "eos"): number | undefined => {
    const id = encoder.idOf(tokenText(special[`${name}_token`]));
    return id !== undefined && id < vocabulary ? id : undefined; // one that the model has no row for begins nothing
  };
  const [first] = encoder.before;
  const named = own("bos");
  const beginning = encoder.before.length === 1 ? first : named;
  if (beginning === undefined) {
    const generation = (await read("generation_config.json")) ?? {};
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

/** The tokens that end a text, which a config has as one or as a list. */
function endsIn({ eos_token_id: ends }: JsonObject): readonly number[] | undefined {
  const ids: readonly unknown[] = Array.isArray(ends) ? ends : [ends];
  const found = ids.filter((id): id is number => typeof id === "number" && Number.isInteger(id));
  return found.length > 0 ? found : undefined;
}

/** A token id of a config; where there is a list (several ends of text), its first. */
const firstId = (value: unknown): number | undefined => {
  const id: unknown = Array.isArray(value) ? value[0] : value;
  return typeof id === "number" && Number.isInteger(id) && id >= 0 ? id : undefined;
};

/** The texts of a model's files by their names. */
interface Texts {
  readonly textOf: (name: string) => Promise<string | undefined>;
  /** Whether the type of the model decides with them how texts are split; a GGUF file says that itself. */
  readonly isOfType: boolean;
}

/** The small files of a model by their names: as they lie in a folder, or as they are made of a GGUF file. */
async function textsOf(place: string): Promise<Texts> {
  if (await isGguf(place)) {
    const { configText, files } = await openGguf(place);
    const textOf: Texts["textOf"] = async (name) => (name === "config.json" ? configText : files.get(name)?.());
    return { textOf, isOfType: false };
  }
  const textOf: Texts["textOf"] = (name) =>
    readText(join(place, name)).catch((error: unknown) => {
      if (isMissing(error) && name !== "config.json") return undefined;
      throw error;
    });
  return { textOf, isOfType: true };
}
