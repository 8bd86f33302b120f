/** The files of a tokenizer as Hugging Face has them, of what a GGUF file says of its tokens. */
import { UserError } from "../../user-error.ts";
import type { JsonObject } from "../file.ts";
import type { Fields } from "./fields.ts";
import { mergesByScore } from "./merges.ts";
import { type TokenizerTable, tokenizerTable } from "./tables.ts";

export interface GgufTokenizer {
  readonly tokens: readonly string[];
  /** Ids of special tokens by the names of config.json's fields. */
  readonly special: JsonObject;
  /** The texts of files by their names. */
  readonly files: ReadonlyMap<string, () => string>;
}

/** Special tokens as Transformers calls them, and how GGUF does. */
const roles = {
  bos: "bos",
  eos: "eos",
  unk: "unknown",
  pad: "padding",
  sep: "seperator",
  mask: "mask",
  cls: "cls",
} as const;
type Role = keyof typeof roles;
const named = Object.keys(roles) as readonly Role[];

/** The kinds of tokens that are found in a text as a whole, and those of them that are no part of what a text says. */
const [normal, unknown, control, userDefined, unused] = [1, 2, 3, 4, 5];

const key = (name: string): string => `tokenizer.ggml.${name}`;

/** The tokens of a file. */
interface Tokens {
  readonly texts: readonly string[];
  /** By id. */
  readonly types: ArrayLike<number>;
  readonly ids: Readonly<Partial<Record<Role, number>>>;
  /** What is put around a text. */
  readonly adds: Readonly<Record<"bos" | "eos", boolean>>;
}

/** The tokenizer of a file. Its definition is made when it is asked for; what lcomp cannot make is refused at once. */
export function tokenizerOf(fields: Fields): GgufTokenizer {
  const way = wayOf(fields);
  const tokens = tokensOf(fields, way);
  const merges = mergesOf(fields, way, tokens);
  const template = fields.text("tokenizer.chat_template");
  const special = Object.fromEntries(
    (["bos", "eos", "pad"] as const).flatMap((role) =>
      tokens.ids[role] === undefined ? [] : [[`${role}_token_id`, tokens.ids[role]]],
    ),
  );
  const generation = { ...special, ...endsOf(fields, tokens) };
  return {
    tokens: tokens.texts,
    special,
    files: new Map([
      ["tokenizer.json", () => JSON.stringify(definitionOf(way, tokens, merges()))],
      ["tokenizer_config.json", () => json(settingsOf(tokens))],
      ["generation_config.json", () => json(generation)],
      ...(template === undefined ? [] : [["chat_template.jinja", () => template] as const]),
    ]),
  };
}

/** A value as the text of a file. */
export const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

type Way = Pick<TokenizerTable["kinds"][string], "pieces" | "special" | "adds" | "definition" | "model">;

/** What the tables say of the kind of tokenizer, of how it splits texts and of the space before them. */
function wayOf(fields: Fields): Way {
  const { kinds, splits } = tokenizerTable();
  const name = fields.text(key("model")) ?? "";
  const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
  if (kind === undefined) throw fields.wrong(key("model"), `one of ${Object.keys(kinds).join(", ")}`);
  const split = splitOf(fields, kind.pieces === "merges" ? splits : {});
  const space = fields.flag(key("add_space_prefix"));
  if (space === true && kind.with_space === undefined)
    throw fields.wrong(key("add_space_prefix"), `false for the model ${name}`);
  const { pieces, special, definition, model, adds } = kind;
  const spaced = space === false ? kind.without_space : kind.with_space;
  return {
    pieces,
    special,
    definition: { ...definition, ...spaced, ...split?.definition },
    model: { ...model, ...split?.model },
    adds: { ...adds, ...split?.adds },
  };
}

/** How texts are split, by its name; undefined where there are no names for it. */
function splitOf(fields: Fields, splits: TokenizerTable["splits"]) {
  const name = fields.text(key("pre")) ?? "";
  const known = Object.keys(splits);
  if (known.length === 0) return undefined;
  const found = Object.hasOwn(splits, name) ? splits[name] : undefined;
  const split = typeof found === "string" ? splits[found] : found;
  if (typeof split === "object") return split;
  throw fields.wrong(key("pre"), `the name of a way to split texts that lcomp knows, ${known.join(", ")}`);
}

function tokensOf(fields: Fields, way: Way): Tokens {
  const texts = fields.texts(key("tokens"));
  if (texts === undefined) throw fields.wrong(key("tokens"), "a list of texts");
  requireDistinct(fields.path, texts);
  const types = fields.numbers(key("token_type")) ?? new Uint8Array(texts.length).fill(normal);
  if (types.length < texts.length) throw fields.wrong(key("token_type"), `a number for each of ${texts.length} tokens`);
  const ids = Object.fromEntries(
    named.flatMap((role) => {
      const id = idIn(fields, `${roles[role]}_token_id`, texts) ?? way.special[role];
      return id === undefined || id >= texts.length ? [] : [[role, id]];
    }),
  );
  const adding = (role: "bos" | "eos"): boolean => {
    const isAdded = fields.flag(key(`add_${role}_token`)) ?? way.adds?.[role] ?? false;
    if (isAdded && ids[role] === undefined)
      throw fields.wrong(key(`${role}_token_id`), "a token, for it is to be put around texts");
    return isAdded;
  };
  if (fields.flag(key("add_sep_token")) === true) throw fields.wrong(key("add_sep_token"), "false");
  return { texts, types, ids, adds: { bos: adding("bos"), eos: adding("eos") } };
}

/** The id of a token that a field names. */
function idIn(fields: Fields, name: string, texts: readonly string[]): number | undefined {
  const id = fields.number(key(name));
  if (id === undefined || (Number.isInteger(id) && id >= 0 && id < texts.length)) return id;
  throw fields.wrong(key(name), `the id of a token, below ${texts.length}`);
}

function requireDistinct(path: string, texts: readonly string[]): void {
  const ids = new Map<string, number>();
  for (const [id, text] of texts.entries()) {
    const twin = ids.get(text);
    if (twin !== undefined)
      throw new UserError(
        `tokens ${twin} and ${id} in ${path} are both ${JSON.stringify(text.slice(0, 40))}; write it again`,
      );
    ids.set(text, id);
  }
}

/** The merges of the definition, made when they are asked for. */
function mergesOf(fields: Fields, { pieces }: Way, { texts, types }: Tokens): () => readonly unknown[] {
  const scores = fields.numbers(key("scores"));
  if (pieces === "merges") {
    const merges = fields.texts(key("merges"));
    if (merges === undefined) throw fields.wrong(key("merges"), "a list of texts");
    return () => merges;
  }
  if (scores === undefined || scores.length < texts.length)
    throw fields.wrong(key("scores"), `a number for each of ${texts.length} tokens`);
  const isMerged = (id: number): boolean => [normal, userDefined, unused].includes(types[id] ?? normal);
  return () => mergesByScore(texts, scores, isMerged);
}

function definitionOf({ pieces, definition, model }: Way, tokens: Tokens, merges: readonly unknown[]): JsonObject {
  const { texts, ids } = tokens;
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(tokens),
    ...definition,
    post_processor: templateOf(tokens),
    model: {
      type: "BPE",
      ...(pieces === "scores" && { unk_token: texts[ids.unk ?? -1] ?? null }),
      ...model,
      vocab: Object.fromEntries(texts.map((text, id) => [text, id])),
      merges,
    },
  };
}

const addedTokens = ({ texts, types }: Tokens): readonly JsonObject[] =>
  texts.flatMap((content, id) => {
    const special = types[id] === control || types[id] === unknown;
    if (!special && types[id] !== userDefined) return [];
    return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special }];
  });

/** What puts special tokens around a text; null where there are none. */
function templateOf({ texts, ids, adds }: Tokens): JsonObject | null {
  const added = (["bos", "eos"] as const).filter((role) => adds[role]);
  if (added.length === 0) return null;
  const text = (role: Role): string => texts[ids[role] ?? 0] ?? "";
  const around = (role: "bos" | "eos", type_id: number) =>
    adds[role] ? [{ SpecialToken: { id: text(role), type_id } }] : [];
  const part = (id: string, type_id: number) => [
    ...around("bos", type_id),
    { Sequence: { id, type_id } },
    ...around("eos", type_id),
  ];
  return {
    type: "TemplateProcessing",
    single: part("A", 0),
    pair: [...part("A", 0), ...part("B", 1)],
    special_tokens: Object.fromEntries(
      added.map((role) => [text(role), { id: text(role), ids: [ids[role]], tokens: [text(role)] }]),
    ),
  };
}

const settingsOf = ({ texts, ids, adds }: Tokens): JsonObject => ({
  tokenizer_class: "PreTrainedTokenizerFast",
  ...Object.fromEntries(
    named.flatMap((role) => (ids[role] === undefined ? [] : [[`${role}_token`, texts[ids[role]]]])),
  ),
  add_bos_token: adds.bos,
  add_eos_token: adds.eos,
  clean_up_tokenization_spaces: false,
});

/** Where generation ends, if at several tokens. */
function endsOf(fields: Fields, { texts, ids }: Tokens): JsonObject {
  const others = ["eot_token_id", "eom_token_id"].map((name) => idIn(fields, name, texts));
  const ends = [...new Set([ids.eos, ...others].filter((id) => id !== undefined))];
  return ends.length > 1 ? { eos_token_id: ends } : {};
}
