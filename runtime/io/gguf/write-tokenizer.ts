/** A tokenizer's files as metadata of a GGUF file. What the metadata does not say again when it is read is refused. */
import { UserError } from "../../user-error.ts";
import { isJsonObject, type JsonObject, jsonObject } from "../file.ts";
import { fieldsOf } from "./fields.ts";
import { tokenizerTable } from "./tables.ts";
import { tokenizerOf } from "./tokenizer.ts";
import { asRead, type Metadata, type Written } from "./written.ts";

/** The text of a file of the model's folder, if it is there. */
export type ReadFile = (name: string) => Promise<string | undefined>;

const key = (name: string): string => `tokenizer.ggml.${name}`;

/** Kinds of tokens. */
const [normal, unknown, control, userDefined, unused, byte] = [1, 2, 3, 4, 5, 6];

/** The parts of a tokenizer.json that decide ids, and the files beside it. */
interface Given {
  readonly definition: JsonObject;
  readonly model: JsonObject;
  readonly added: readonly JsonObject[];
  readonly settings: JsonObject;
  readonly config: JsonObject;
}

/** The metadata of a tokenizer, with a token for each of `vocabulary` rows. */
export async function tokenizerMetadata(read: ReadFile, config: JsonObject, vocabulary: number): Promise<Metadata> {
  const text = await read("tokenizer.json");
  if (text === undefined)
    throw new UserError("GGUF holds the model's tokenizer, and its folder has no tokenizer.json; put it there");
  const definition = jsonObject(text, "tokenizer.json");
  const settings = jsonObject((await read("tokenizer_config.json")) ?? "{}", "tokenizer_config.json");
  const { model } = definition;
  if (!isJsonObject(model) || model["type"] !== "BPE" || !isJsonObject(model["vocab"]))
    throw notHeld("its model is not BPE");
  const listed = definition["added_tokens"];
  const added = Array.isArray(listed) ? listed.filter(isJsonObject) : [];
  const given: Given = { definition, model, added, settings, config };
  const tokens = tokensOf(given, vocabulary);
  const template = (await read("chat_template.jinja")) ?? settings["chat_template"];
  const rest: readonly (readonly [string, Written])[] = [
    ...idsOf(given, tokens.texts),
    ...(typeof template === "string" ? [["tokenizer.chat_template", { kind: "text", value: template }] as const] : []),
  ];
  for (const way of waysOf(given)) {
    const found = new Map<string, Written>([...way, ...tokens.written, ...piecesOf(given, way, tokens), ...rest]);
    if (isHeld(given, found)) return found;
  }
  throw notHeld("how it splits and merges texts has no name there");
}

const notHeld = (why: string): UserError =>
  new UserError(`GGUF does not hold the tokenizer of this model: ${why}; save as "huggingface" or "lcomp"`);

/** All that there are names for: kinds of tokenizers of such a model, each with ways to split texts. */
function waysOf({ model }: Given): readonly Metadata[] {
  const { kinds, splits } = tokenizerTable();
  const pres = Object.entries(splits).flatMap(([pre, split]) => (typeof split === "object" ? [pre] : []));
  const alike = Object.entries(kinds).filter(
    ([, kind]) => kind.model?.["byte_fallback"] === (model["byte_fallback"] ?? false),
  );
  return alike.flatMap(([name, { pieces, with_space: spaced }]) => {
    const more: readonly (readonly [string, Written])[] =
      pieces === "merges"
        ? pres.map((value) => [key("pre"), { kind: "text", value }])
        : (spaced ? [true, false] : [false]).map((value) => [key("add_space_prefix"), { kind: "bool", value }]);
    return more.map((way) => new Map<string, Written>([[key("model"), { kind: "text", value: name }], way]));
  });
}

interface Tokens {
  readonly texts: readonly string[];
  readonly written: Metadata;
}

function tokensOf({ model, added, config, settings }: Given, vocabulary: number): Tokens {
  const vocab = Object.entries(model["vocab"] as JsonObject).map(([text, id]) => [Number(id), text] as const);
  const own = added.map(({ id, content }) => [Number(id), String(content)] as const);
  const byId = new Map([...vocab, ...own]);
  const last = [...byId.keys()].reduce((most, id) => Math.max(most, id), -1);
  if (last >= vocabulary) throw notHeld(`token ${last} has no row in the embedding of ${vocabulary}`);
  const texts = Array.from({ length: vocabulary }, (_, id) => byId.get(id) ?? `[PAD${id}]`);
  const kindOf = new Map(added.map(({ id, special }) => [Number(id), special === true ? control : userDefined]));
  const unk = roleText(settings, "unk") ?? model["unk_token"];
  const types = texts.map((text, id) => {
    if (!byId.has(id)) return unused;
    if (kindOf.get(id) === control && text === unk) return unknown;
    return kindOf.get(id) ?? (model["byte_fallback"] === true && /^<0x[0-9A-F]{2}>$/.test(text) ? byte : normal);
  });
  if (typeof config["vocab_size"] === "number" && config["vocab_size"] !== vocabulary)
    throw notHeld(`config.json has vocab_size ${config["vocab_size"]}, and the embedding ${vocabulary} rows`);
  return {
    texts,
    written: new Map<string, Written>([
      [key("tokens"), { kind: "texts", value: texts }],
      [key("token_type"), { kind: "i32s", value: Int32Array.from(types) }],
    ]),
  };
}

/** Merges as they are, or scores that give them. */
function piecesOf({ model }: Given, way: Metadata, { texts }: Tokens): Metadata {
  const merges = mergesIn(model);
  const name = way.get(key("model"))?.value;
  const isScored = tokenizerTable().kinds[String(name)]?.pieces === "scores";
  if (!isScored) return new Map([[key("merges"), { kind: "texts", value: merges.map((pair) => pair.join(" ")) }]]);
  const ranks = new Map(merges.map((pair, rank) => [pair.join(""), rank] as const).reverse());
  const value = Float32Array.from(texts, (text) => -(ranks.get(text) ?? 0));
  return new Map([[key("scores"), { kind: "f32s", value }]]);
}

const mergesIn = ({ merges }: JsonObject): readonly (readonly [string, string])[] =>
  (Array.isArray(merges) ? merges : []).map((merge: unknown) => {
    const [left = "", right = ""] = Array.isArray(merge) ? merge.map(String) : String(merge).split(" ");
    return [left, right];
  });

/** The text of a special token in tokenizer_config.json. */
function roleText(settings: JsonObject, role: string): string | undefined {
  const token = settings[`${role}_token`];
  const text = isJsonObject(token) ? token["content"] : token;
  return typeof text === "string" ? text : undefined;
}

const roles = { bos: "bos", eos: "eos", unk: "unknown", pad: "padding" } as const;

/** Ids of special tokens, and which are put around texts. */
function idsOf(
  { definition, settings, config }: Given,
  texts: readonly string[],
): readonly (readonly [string, Written])[] {
  const ids = Object.entries(roles).flatMap(([role, name]): (readonly [string, Written])[] => {
    const text = roleText(settings, role);
    const inConfig = config[`${role}_token_id`];
    const id = text === undefined ? (typeof inConfig === "number" ? inConfig : -1) : texts.indexOf(text);
    return id < 0 ? [] : [[key(`${name}_token_id`), { kind: "u32", value: id }]];
  });
  const around = aroundTexts(definition, settings);
  const adds = (["bos", "eos"] as const).map((role): readonly [string, Written] => [
    key(`add_${role}_token`),
    { kind: "bool", value: around[role] },
  ]);
  return [...ids, ...adds];
}

/**
 * What is put around texts. What `add_bos_token` asks for where tokenizer.json puts nothing in front, the beginning of what a model
 * continues, has no other place in such a file: llama.cpp's converter writes it so, too.
 */
function aroundTexts(definition: JsonObject, settings: JsonObject): ReturnType<typeof templateIn> {
  const { bos, eos } = templateIn(definition["post_processor"]);
  return { bos: bos || isOpened(definition, settings), eos };
}

/** Whether a text that goes on has a beginning that no other has. */
const isOpened = ({ post_processor: part }: JsonObject, settings: JsonObject): boolean =>
  settings["add_bos_token"] === true &&
  roleText(settings, "bos") !== undefined &&
  meaning(part, "post_processor") === "null";

/** Whether something is put in front of texts, and behind. */
function templateIn(part: unknown): { readonly bos: boolean; readonly eos: boolean } {
  if (!isJsonObject(part)) return { bos: false, eos: false };
  const inner = Array.isArray(part["processors"]) ? part["processors"].map(templateIn) : [];
  const single = Array.isArray(part["single"]) ? part["single"].filter(isJsonObject) : [];
  return {
    bos: inner.some(({ bos }) => bos) || (single.length > 1 && "SpecialToken" in (single[0] ?? {})),
    eos: inner.some(({ eos }) => eos) || (single.length > 1 && "SpecialToken" in (single.at(-1) ?? {})),
  };
}

/** Whether the metadata, when it is read, is the tokenizer again. */
function isHeld({ definition, model, added, settings }: Given, metadata: Metadata): boolean {
  const { files } = tokenizerOf(fieldsOf("the GGUF file to be written", { metadata: asRead(metadata) }));
  const again = jsonObject(files.get("tokenizer.json")?.() ?? "{}", "tokenizer.json");
  const read = again["model"] as JsonObject;
  const parts = ["normalizer", "pre_tokenizer", "decoder", "post_processor"];
  const flags = ["unk_token", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "ignore_merges"];
  const isFused = [model, read].map((of) => of["fuse_unk"] === true && typeof of["unk_token"] === "string");
  const mergesOf = (of: JsonObject): string => JSON.stringify(mergesIn(of));
  const isOdd = ({ lstrip, rstrip, single_word: single }: JsonObject): boolean => Boolean(lstrip || rstrip || single);
  const meant = (of: JsonObject, part: string): string =>
    part === "pre_tokenizer" && splitsNothing(of) ? "null" : meaning(of[part], part);
  const wanted = (part: string): string =>
    part === "post_processor" && isOpened(definition, settings)
      ? JSON.stringify([roleText(settings, "bos"), "text"])
      : meant(definition, part);
  return (
    parts.every((part) => wanted(part) === meant(again, part)) &&
    flags.every((flag) => (model[flag] || null) === (read[flag] || null)) &&
    isFused[0] === isFused[1] &&
    mergesOf(model) === mergesOf(read) &&
    !added.some(isOdd)
  );
}

/** Whether texts are split at what the normalizer has replaced, and are whole: so it is with Gemma's spaces. */
function splitsNothing({ normalizer, pre_tokenizer: split }: JsonObject): boolean {
  if (!isJsonObject(normalizer) || !isJsonObject(split)) return false;
  const [replaced, at] = [normalizer, split].map(({ pattern }) => (isJsonObject(pattern) ? pattern["String"] : null));
  const isBoth = normalizer["type"] === "Replace" && split["type"] === "Split";
  return isBoth && typeof at === "string" && at === replaced && !String(normalizer["content"]).includes(at);
}

/** A part of a tokenizer.json as a text that is the same for parts that do the same. */
function meaning(part: unknown, place: string): string {
  if (!isJsonObject(part)) return "null";
  const inner = [part["normalizers"], part["pretokenizers"], part["decoders"], part["processors"]].find(Array.isArray);
  if (inner) {
    const each = inner.map((one) => meaning(one, place)).filter((one) => one !== "null");
    return each.length === 1 ? (each[0] ?? "null") : JSON.stringify(each);
  }
  const { type, trim_offsets: _, ...rest } = part;
  if (type === "ByteLevel" && place === "post_processor") return "null";
  if (type === "ByteLevel" && place === "decoder") return "ByteLevel";
  if (type === "TemplateProcessing") {
    const around = templateOf(part);
    return around.join() === "text" ? "null" : JSON.stringify(around);
  }
  return JSON.stringify({ type, ...Object.fromEntries(Object.entries(rest).sort()) });
}

/** What a template puts around one text. */
const templateOf = ({ single }: JsonObject): readonly unknown[] =>
  (Array.isArray(single) ? single : []).map((each: unknown) => {
    const token = isJsonObject(each) ? each["SpecialToken"] : undefined;
    return isJsonObject(token) ? token["id"] : "text";
  });
