/** A model's config.json as metadata of a GGUF file. What the metadata does not say again when it is read is refused. */
import { UserError } from "../../user-error.ts";
import { isJsonObject, type JsonObject } from "../file.ts";
import { configOf, type Surroundings, shareOf } from "./config.ts";
import { fieldsOf } from "./fields.ts";
import { divisorsFor, type FrequencyTensors, withFactors } from "./rope.ts";
import { type Architecture, type ArchitectureTable, knownArchitectures } from "./tables.ts";
import { asRead, type Metadata, type Written } from "./written.ts";

/** The architecture of a config; refused if there is no table for it. */
export function architectureOf(config: JsonObject): Architecture {
  const all = knownArchitectures();
  const typeOf = ({ table }: Architecture): unknown => table.config["model_type"];
  const found = all.find((each) => typeOf(each) === config["model_type"]);
  if (found) return found;
  throw new UserError(
    `"gguf" has no architecture for the model_type ${String(config["model_type"])}; there are ${all.map(typeOf).join(", ")}`,
  );
}

/** What of a model is not in its config. */
export type Around = Omit<Surroundings, "architecture" | "dtype" | "frequencies" | "special"> & {
  /** Columns of the first feed-forward matrix that gives activations back, where the config leaves its size open. */
  readonly feedForward: number | undefined;
};

/** Metadata of a config, and the tensors that say how its positions are stretched. */
export interface WrittenConfig {
  readonly metadata: Metadata;
  readonly frequencies: FrequencyTensors;
}

/** The metadata of a config. */
export function configMetadata(given: JsonObject, { name, table }: Architecture, around: Around): WrittenConfig {
  requireTensors({ name, table }, around);
  const head = headOf(given, table);
  const { config, frequencies, ...positions } = stretched(flat(given, table), table, head);
  const metadata = new Map<string, Written>();
  const write = (key: string, written: Written): void => {
    const old = metadata.get(`${name}.${key}`)?.value;
    if (old !== undefined && old !== written.value)
      throw new UserError(`${name}.${key} would have to be ${old} and ${written.value}: GGUF does not hold this model`);
    metadata.set(`${name}.${key}`, written);
  };
  const set = (key: string, value: number): void => write(key, { kind: isReal.test(key) ? "f32" : "u32", value });
  for (const [field, key] of Object.entries(numbersOf(config, table))) {
    const value = config[field] ?? (table.null_for_zero?.[field] && 0);
    if (typeof value === "number") set(key, value);
  }
  for (const [field, key] of Object.entries(table.flags ?? {}))
    write(key, { kind: "bool", value: config[field] === true });
  if (!metadata.has(`${name}.feed_forward_length`) && around.feedForward !== undefined)
    set("feed_forward_length", around.feedForward);
  if (metadata.has(`${name}.attention.key_length`)) set("attention.value_length", head);
  set("vocab_size", around.vocabulary);
  if (fieldFor(table, "rope.freq_base")) set("rope.dimension_count", positions.turned);
  for (const [key, written] of positions.metadata) write(key, written);
  requireSame(config, { name, table }, { ...around, frequencies }, metadata);
  return { metadata, frequencies };
}

/** Fields that are numbers in metadata, with their keys; none that follows from how many layers there are. */
function numbersOf(config: JsonObject, table: ArchitectureTable): Readonly<Record<string, string>> {
  const layers = Number(config[fieldFor(table, "block_count") ?? ""]);
  const all = { ...table.fields, ...table.optional, ...table.null_for_zero };
  const known = table.by_layers?.[layers] ?? {};
  return Object.fromEntries(Object.entries(all).filter(([field]) => known[field] === undefined));
}

/** Refuses a model without a tensor that programs demand, or with one that they do not know. */
function requireTensors({ name, table }: Architecture, { has }: Around): void {
  for (const [tensor, isNeeded] of Object.entries(table.needs ?? {}))
    if (has(tensor) !== isNeeded)
      throw new UserError(
        `"gguf" does not hold this model: programs that read files of ${name} ${isNeeded ? "demand" : "do not know"} a tensor ${tensor}, which this model ${isNeeded ? "lacks" : "has"}; save as "huggingface"`,
      );
}

/** The field of config.json that has the value of a key. */
const fieldFor = ({ fields }: ArchitectureTable, key: string): string | undefined =>
  Object.keys(fields).find((field) => fields[field] === key);

/** How many rows a head has. */
export function headOf(given: JsonObject, table: ArchitectureTable): number {
  const config = flat(given, table);
  const under = (key: string): unknown => config[fieldFor(table, key) ?? ""];
  const own = under("attention.key_length");
  return typeof own === "number" ? own : Number(under("embedding_length")) / Number(under("attention.head_count"));
}

const isReal = /(epsilon|freq_base\w*|softcapping|factor)$/;

/** Fields under the names that the table has, those of `rope_parameters` where older configs have them, and what missing ones mean. */
function flat(config: JsonObject, table: ArchitectureTable): JsonObject {
  const { rope_parameters: rope, ...rest } = config;
  const own = { ...table.usual, ...named(rest, table) };
  if (!isJsonObject(rope)) return own;
  const [full, local] = [rope["full_attention"] ?? rope, rope["sliding_attention"]];
  const { turned = "" } = table;
  const { rope_theta: theta, [turned]: share, ...scaling } = named(isJsonObject(full) ? full : {}, table);
  return {
    ...own,
    ...(theta !== undefined && { [fieldFor(table, "rope.freq_base") ?? "rope_theta"]: theta }),
    ...(isJsonObject(local) && { [fieldFor(table, "rope.freq_base_swa") ?? ""]: local["rope_theta"] }),
    ...(share !== undefined && { [turned]: share }),
    ...(!isJsonObject(rest["rope_scaling"]) && { rope_scaling: scaling }),
  };
}

const named = (fields: JsonObject, { names = {} }: ArchitectureTable): JsonObject =>
  Object.fromEntries(Object.entries(fields).map(([field, value]) => [names[field] ?? field, value]));

/** A config with its positions as they are read again, and what says so: how many numbers of a head turn, metadata, tensors. */
interface Stretched {
  readonly config: JsonObject;
  readonly turned: number;
  readonly metadata: ReadonlyMap<string, Written>;
  readonly frequencies: FrequencyTensors;
}

function stretched(config: JsonObject, table: ArchitectureTable, head: number): Stretched {
  const { rope_scaling: given, ...others } = config;
  const turned = Math.floor(Number(config[table.turned ?? ""] ?? 1) * head);
  const rest = { ...others, ...(table.turned && { [table.turned]: shareOf(turned, head) }) };
  const { type, rope_type: kind = type ?? "default", ...scaling } = isJsonObject(given) ? given : {};
  const plain: Stretched = { config: rest, turned, metadata: new Map(), frequencies: new Map() };
  if (kind === "default") return plain;
  const numberOf = (key: string): number => Number(config[fieldFor(table, key) ?? ""] ?? table.otherwise?.[key]);
  if (table.factors?.rope_types.includes(String(kind))) {
    const [context, original] = [numberOf("context_length"), numberOf("rope.scaling.original_context_length")];
    const { gain, ...found } = withFactors(scaling, table.factors, context, original);
    const metadata = new Map([["rope.scaling.attn_factor", { kind: "f32", value: gain } as Written]]);
    return { config: { ...rest, rope_scaling: found.scaling }, turned, metadata, frequencies: found.tensors };
  }
  const read = { ...plain, config: { ...rest, rope_scaling: { rope_type: kind, ...scaling } } };
  if (table.frequencies && table.frequencies.rope_type === kind) {
    const values = divisorsFor(scaling, numberOf("rope.freq_base"), turned / 2);
    return { ...read, frequencies: new Map([[table.frequencies.tensor, values]]) };
  }
  const { factor, original_max_position_embeddings: original } = scaling;
  const metadata = new Map<string, Written>([["rope.scaling.type", { kind: "text", value: String(kind) }]]);
  if (typeof factor === "number") metadata.set("rope.scaling.factor", { kind: "f32", value: factor });
  if (typeof original === "number")
    metadata.set("rope.scaling.original_context_length", { kind: "u32", value: original });
  return { ...read, metadata };
}

/** Reads the metadata again, and refuses what config.json says otherwise. */
function requireSame(
  config: JsonObject,
  { name, table }: Architecture,
  around: Omit<Around, "feedForward"> & Pick<Surroundings, "frequencies">,
  metadata: Metadata,
): void {
  const fields = fieldsOf("the GGUF file to be written", { metadata: asRead(metadata) });
  const surroundings = { ...around, architecture: name, dtype: "", special: {} };
  const { config: read, head } = configOf(fields, table, surroundings);
  for (const [field, value] of Object.entries({ head_dim: head, ...read })) {
    const given = config[field] === null && derived.has(field) ? undefined : config[field];
    if (["architectures", "torch_dtype"].includes(field) || isSame(given, value)) continue;
    const [there, here] = [given, value].map((each) => JSON.stringify(each)?.slice(0, 60));
    throw new UserError(
      `GGUF does not hold this model: config.json has ${field} ${there}, and a file of ${name} can only say ${here}; save as "huggingface"`,
    );
  }
}

/** Fields for which null is as good as nothing: they follow from others. */
const derived = new Set(["head_dim", "num_key_value_heads", "n_inner", "layer_types"]);

/** Equal but for numbers that f32 rounds, and for what `given` says nothing of. */
function isSame(given: unknown, read: unknown): boolean {
  if (given === undefined) return true;
  if (typeof given === "number" && typeof read === "number") return Math.fround(given) === Math.fround(read);
  if (Array.isArray(given) && Array.isArray(read))
    return given.length === read.length && given.every((each, i) => isSame(each, read[i]));
  if (!isJsonObject(given) || !isJsonObject(read)) return JSON.stringify(given) === JSON.stringify(read);
  return Object.keys({ ...given, ...read }).every((key) => isSame(given[key] ?? undefined, read[key]));
}
