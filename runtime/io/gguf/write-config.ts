/** A model's config.json as metadata of a GGUF file. What the metadata does not say again when it is read is refused. */
import { UserError } from "../../user-error.ts";
import { isJsonObject, type JsonObject } from "../file.ts";
import { configOf, type Surroundings } from "./config.ts";
import { fieldsOf } from "./fields.ts";
import { type Divisors, divisorsFor } from "./rope.ts";
import { type ArchitectureTable, architectureTable, knownArchitectures } from "./tables.ts";
import { asRead, type Metadata, type Written } from "./written.ts";

/** A model's architecture as GGUF calls it. */
export interface Architecture {
  readonly name: string;
  readonly table: ArchitectureTable;
}

/** The architecture of a config; refused if there is no table for it. */
export function architectureOf(config: JsonObject): Architecture {
  for (const name of knownArchitectures()) {
    const table = architectureTable(name);
    if (table && table.config["model_type"] === config["model_type"]) return { name, table };
  }
  const known = knownArchitectures().join(", ");
  throw new UserError(
    `"gguf" has no architecture for the model_type ${String(config["model_type"])}; there are ${known}`,
  );
}

/** What of a model is not in its config. */
export type Around = Omit<Surroundings, "architecture" | "dtype" | "divisors" | "special"> & {
  /** Columns of the first feed-forward matrix that gives activations back, where the config leaves its size open. */
  readonly feedForward: number | undefined;
};

/** Metadata of a config, and what its positions are divided by, if they are stretched so. */
export interface WrittenConfig {
  readonly metadata: Metadata;
  readonly divisors: Divisors | undefined;
}

/** The metadata of a config. */
export function configMetadata(given: JsonObject, { name, table }: Architecture, around: Around): WrittenConfig {
  const config = flat(given);
  const metadata = new Map<string, Written>();
  const set = (key: string, value: number): void => {
    const old = metadata.get(`${name}.${key}`)?.value;
    if (old !== undefined && old !== value)
      throw new UserError(`${name}.${key} would have to be ${old} and ${value}: GGUF does not hold this model`);
    metadata.set(`${name}.${key}`, { kind: isReal.test(key) ? "f32" : "u32", value });
  };
  for (const [field, key] of Object.entries({ ...table.fields, ...table.optional })) {
    const value = config[field];
    if (typeof value === "number") set(key, value);
  }
  if (!metadata.has(`${name}.feed_forward_length`) && around.feedForward !== undefined)
    set("feed_forward_length", around.feedForward);
  const head = headOf(config, table);
  if (metadata.has(`${name}.attention.key_length`)) set("attention.value_length", head);
  set("vocab_size", around.vocabulary);
  const isRotary = Object.values(table.fields).includes("rope.freq_base");
  if (isRotary) set("rope.dimension_count", head);
  const divisors = isRotary ? stretched(config, { name, table }, metadata, head) : undefined;
  requireSame(config, { name, table }, { ...around, divisors }, metadata);
  return { metadata, divisors };
}

/** How many rows a head has. */
export function headOf(config: JsonObject, { fields }: ArchitectureTable): number {
  const fieldFor = (wanted: string): unknown =>
    Object.entries(fields).flatMap(([field, key]) => (key === wanted ? [config[field]] : []))[0];
  const own = fieldFor("attention.key_length");
  return typeof own === "number"
    ? own
    : Number(fieldFor("embedding_length")) / Number(fieldFor("attention.head_count"));
}

const isReal = /(epsilon|freq_base\w*|softcapping|factor)$/;

/** Fields of `rope_parameters` where older configs have them. */
function flat(config: JsonObject): JsonObject {
  const { rope_parameters: rope, ...rest } = config;
  if (!isJsonObject(rope)) return config;
  const [full, local] = [rope["full_attention"] ?? rope, rope["sliding_attention"]];
  const { rope_theta: theta, ...scaling } = isJsonObject(full) ? full : {};
  const isScaled = (scaling["rope_type"] ?? "default") !== "default";
  return {
    ...rest,
    ...(theta !== undefined && { rope_theta: theta }),
    ...(isJsonObject(local) && { rope_local_base_freq: local["rope_theta"] }),
    ...(isScaled && { rope_scaling: scaling }),
  };
}

/** Writes how positions are stretched: as metadata, or as divisors in a tensor. */
function stretched(
  config: JsonObject,
  { name, table }: Architecture,
  metadata: Map<string, Written>,
  head: number,
): Divisors | undefined {
  const scaling = config["rope_scaling"];
  if (!isJsonObject(scaling)) return undefined;
  const [kind, factor, original] = ["rope_type", "factor", "original_max_position_embeddings"].map(
    (key) => scaling[key],
  );
  if (kind === table.frequencies?.rope_type) {
    const theta = Number(metadata.get(`${name}.rope.freq_base`)?.value ?? table.otherwise?.["rope.freq_base"]);
    return { rope_type: String(kind), values: divisorsFor(scaling, theta, head / 2) };
  }
  metadata.set(`${name}.rope.scaling.type`, { kind: "text", value: String(kind) });
  if (typeof factor === "number") metadata.set(`${name}.rope.scaling.factor`, { kind: "f32", value: factor });
  if (typeof original === "number")
    metadata.set(`${name}.rope.scaling.original_context_length`, { kind: "u32", value: original });
  return undefined;
}

/** Reads the metadata again, and refuses what config.json says otherwise. */
function requireSame(
  config: JsonObject,
  { name, table }: Architecture,
  around: Omit<Around, "feedForward"> & Pick<Surroundings, "divisors">,
  metadata: Metadata,
): void {
  const fields = fieldsOf("the GGUF file to be written", { metadata: asRead(metadata) });
  const surroundings = { ...around, architecture: name, dtype: "", special: {} };
  const { config: read } = configOf(fields, table, surroundings);
  for (const [field, value] of Object.entries(read)) {
    const given = config[field] ?? value;
    if (["architectures", "torch_dtype"].includes(field) || isSame(given, value)) continue;
    const [there, here] = [given, value].map((each) => JSON.stringify(each)?.slice(0, 60));
    throw new UserError(
      `GGUF does not hold this model: config.json has ${field} ${there}, and a file of ${name} can only say ${here}`,
    );
  }
}

/** Equal but for numbers that f32 rounds, and for fields that one of two objects lacks. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a === "number" && typeof b === "number") return Math.fround(a) === Math.fround(b);
  if (!isJsonObject(a) || !isJsonObject(b)) return JSON.stringify(a) === JSON.stringify(b);
  return Object.entries(b).every(([key, value]) => a[key] === undefined || isSame(a[key], value));
}
