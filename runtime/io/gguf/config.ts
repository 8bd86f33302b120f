/** The config.json of a GGUF model. What its metadata says and no field carries is refused, not left out. */
import { UserError } from "../../user-error.ts";
import type { JsonObject } from "../file.ts";
import type { Fields } from "./fields.ts";
import { shown } from "./header.ts";
import { type FrequencyTensors, scalingOf } from "./rope.ts";
import type { ArchitectureTable } from "./tables.ts";
import { json } from "./tokenizer.ts";

/** What the tensors and the tokenizer of a model say of its config. */
export interface Surroundings {
  readonly architecture: string;
  readonly dtype: string;
  readonly vocabulary: number;
  /** The ids of special tokens by the names of fields, such as `bos_token_id`. */
  readonly special: JsonObject;
  readonly has: (tensor: string) => boolean;
  /** How many tensors the file has. */
  readonly tensors: number;
  readonly frequencies: FrequencyTensors;
}

/** Keys that change nothing with these values. */
const idle: Readonly<Record<string, number | boolean>> = {
  expert_count: 0,
  expert_used_count: 0,
  "attention.causal": true,
  "attention.clamp_kqv": 0,
  "attention.max_alibi_bias": 0,
};

/** The numbers of rows in a head, and all of config.json. */
export interface Configured {
  readonly config: JsonObject;
  readonly head: number;
}

/** A number of config.json that Transformers takes only as a float, though it be whole. */
const wholeFloat = /^( *"(?:\w+_)?(?:eps|epsilon|theta|base|freq|pct|softcapping|factor)": -?\d+)(?=,?$)/gm;

/** A config as the text of its file. */
export const configText = (config: JsonObject): string => json(config).replace(wholeFloat, "$1.0");

export function configOf(fields: Fields, table: ArchitectureTable, around: Surroundings): Configured {
  const own = (key: string): string => `${around.architecture}.${key}`;
  const sizes = sizesOf(fields, own, Object.values(table.fields));
  const known = (key: string): number | undefined =>
    sizes.derived[key] ?? fields.alike(own(key)) ?? table.otherwise?.[key];
  const value = (key: string): number => {
    const found = known(key);
    if (found === undefined || !(found > 0)) throw fields.wrong(own(key), "a number above 0");
    return found;
  };
  const flag = (key: string): boolean => {
    const found = fields.flag(own(key));
    if (found === undefined) throw fields.wrong(own(key), "true or false");
    return found;
  };
  const { head, layers } = sizes;
  if (layers > around.tensors)
    throw fields.wrong(own("block_count"), `a number of blocks that ${around.tensors} tensors make`);
  requireSame(fields, own("vocab_size"), around.vocabulary, "the number of tokens");
  requireSame(fields, own("attention.value_length"), head, "the length of keys");
  if (!table.turned) requireSame(fields, own(turning), head, "the length of keys");
  for (const [key, meant] of Object.entries(idle))
    if (!Object.values(table.fields).includes(key)) requireIdle(fields, own(key), meant);
  const optional = Object.entries(table.optional ?? {}).filter(([, key]) => fields.alike(own(key)) !== undefined);
  return {
    head,
    config: {
      ...table.config,
      vocab_size: around.vocabulary,
      ...made({ ...table.fields, ...Object.fromEntries(optional) }, value),
      ...(table.layers && { [table.layers.field]: kindsOf(table.layers, layers, value(table.layers.every)) }),
      ...made(table.null_for_zero ?? {}, (key) => known(key) || null),
      ...made(table.flags ?? {}, flag),
      ...(table.turned && { [table.turned]: shareOf(turnedOf(fields, own(turning), head), head) }),
      ...scaled(fields, table, around, value),
      ...made(table.present ?? {}, around.has),
      ...table.by_layers?.[layers],
      tie_word_embeddings: !around.has("output.weight"),
      ...around.special,
      torch_dtype: around.dtype,
    },
  };
}

/** `rope_scaling`, of an architecture with rotary positions. */
function scaled(
  fields: Fields,
  table: ArchitectureTable,
  { architecture, frequencies: tensors }: Surroundings,
  value: (key: string) => number,
): JsonObject {
  const base = "rope.freq_base";
  if (!Object.values(table.fields).includes(base)) return {};
  const own = (key: string): string => `${architecture}.${key}`;
  const scaling = scalingOf(fields, { own, theta: value(base), context: value("context_length"), table, tensors });
  return scaling === undefined ? {} : { rope_scaling: scaling };
}

/** How many numbers of a head turn. */
const turning = "rope.dimension_count";

function turnedOf(fields: Fields, key: string, head: number): number {
  const count = fields.alike(key) ?? head;
  if (Number.isInteger(count) && count > 0 && count <= head) return count;
  throw fields.wrong(key, `a whole number from 1 to ${head}, the length of keys`);
}

/** The shortest share of a head that makes so many of its numbers turn. */
export function shareOf(count: number, head: number): number {
  for (let digits = 1; digits < 17; digits++) {
    const share = Number((count / head).toPrecision(digits));
    if (Math.floor(share * head) === count) return share;
  }
  return (count + 0.5) / head;
}

const heads = "attention.head_count";

/** The sizes that others follow from. What a table has no field for must be as it follows where a file does not name it. */
function sizesOf(fields: Fields, own: (key: string) => string, keys: readonly string[]) {
  const size = (key: string): number => {
    const value = fields.alike(own(key));
    if (value !== undefined && Number.isInteger(value) && value > 0 && value < 2 ** 31) return value;
    throw fields.wrong(own(key), "a whole number from 1 to 2147483647");
  };
  const [hidden, count, layers] = [size("embedding_length"), size(heads), size("block_count")];
  const usual = { "attention.key_length": hidden / count, "attention.head_count_kv": count };
  const derived: Readonly<Record<string, number>> = Object.fromEntries(
    Object.entries(usual).map(([key, otherwise]) => {
      if (!keys.includes(key)) requireSame(fields, own(key), otherwise, "which follows from its sizes");
      return [key, fields.alike(own(key)) === undefined ? otherwise : size(key)];
    }),
  );
  const head = derived["attention.key_length"] ?? 0;
  if (!Number.isInteger(head)) throw fields.wrong(own(heads), `a divisor of ${own("embedding_length")}, ${hidden}`);
  return { head, layers, derived };
}

function requireSame(fields: Fields, key: string, meant: number, what: string): void {
  if ((fields.alike(key) ?? meant) !== meant) throw fields.wrong(key, `${meant}, ${what}: lcomp reads no other models`);
}

function requireIdle(fields: Fields, key: string, meant: number | boolean): void {
  const value = typeof meant === "number" ? fields.number(key) : fields.flag(key);
  if ((value ?? meant) !== meant) throw fields.wrong(key, `${meant}: lcomp reads no other models`);
}

const made = <T>(named: Readonly<Record<string, string>>, value: (of: string) => T): JsonObject =>
  Object.fromEntries(Object.entries(named).map(([field, of]) => [field, value(of)]));

const kindsOf = (
  { one, others }: NonNullable<ArchitectureTable["layers"]>,
  layers: number,
  every: number,
): readonly string[] => Array.from({ length: layers }, (_, i) => ((i + 1) % every === 0 ? one : others));

/** Refuses what the metadata says of the model and nothing has read. */
export function requireAllRead(fields: Fields, architecture: string): void {
  const unread = fields
    .unasked()
    .filter((key) => key.startsWith(`${architecture}.`) || (key.startsWith("tokenizer.") && !roles.test(key)));
  const [first, ...others] = unread;
  if (first === undefined) return;
  const more = others.length > 0 ? ` and ${others.length} more` : "";
  throw new UserError(
    `${fields.path} has ${shown(first)}${more}, which no config.json that lcomp writes can say; give the Hugging Face folder that it was made from`,
  );
}

/** What a program does with tokens, and no part of splitting texts into them. */
const roles = /^tokenizer\.(ggml\.[a-z_]+_token_ids?$|chat_templates?(\.|$))/;
