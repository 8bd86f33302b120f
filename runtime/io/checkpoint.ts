// A model as Hugging Face lays it out: a folder with config.json, one or several safetensors files, and companions.
// A folder may come from a stranger: no name in it may lead out of it.
import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { type FloatDType, floatWidth, isFloatDType } from "../../compiler/plan/stored-types.ts";
import { UserError } from "../user-error.ts";
import { adapterFolder, openAdapter } from "./adapter.ts";
import { type Companions, companionsOf } from "./companions.ts";
import { explained, isJsonObject, isMissing, type JsonObject, jsonObject, readJsonObject, readText } from "./file.ts";
import { withExpertsApart } from "./fused.ts";
import { type BlockMatrix, type Described, fieldTensors } from "./gguf/blocks.ts";
import { configText } from "./gguf/config.ts";
import { isGguf, openGguf } from "./gguf/model.ts";
import { hasHubForm, snapshotsIn } from "./hub.ts";
import { firstNonFinite, toFloat32 } from "./numbers.ts";
import { readHeader, type StoredTensor } from "./safetensors.ts";

/** A model folder that has been opened: headers are read and checked, weights are not read. */
export interface Checkpoint extends Companions {
  readonly folder: string;
  readonly config: JsonObject;
  /** The config of an adapter beside its weights. */
  readonly adapter?: JsonObject;
  /** What config.json was when it was read. */
  readonly configText: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Matrices in blocks, whose fields are among the tensors once they are described. */
  readonly blocks: readonly BlockMatrix[];
  /** Files that a result of it has, by their names, and what they hold: of a model that is no folder. */
  readonly made: ReadonlyMap<string, () => string>;
}

/** Opens a model: a folder, or a GGUF file, which is read as the folder that it would have come from. */
export async function openCheckpoint(folder: string): Promise<Checkpoint> {
  const status = await explained("open", folder, () => stat(folder)).catch((error: unknown) => {
    throw isMissing(error) ? noFolder(folder, error) : error;
  });
  if (!status.isDirectory()) return openFile(folder);
  const names = (await explained("open", folder, () => readdir(folder))).sort();
  if (!names.includes("config.json")) throw await noConfig(folder, names);
  const configPath = join(folder, "config.json");
  const configText = await readText(configPath);
  const config = jsonObject(configText, configPath);
  requireUsualNames(folder, config);
  const adapter = await openAdapter(folder, config);
  const weights = await readTensors(folder, names);
  const tensors = new Map([...weights, ...(adapter?.tensors ?? []).map((tensor) => [tensor.name, tensor] as const)]);
  const files = [...weights.values()].map(({ path }) => relative(folder, path).replaceAll(sep, "/"));
  const index = names.includes(single) ? [] : [indexName];
  const read = new Set(["config.json", ...files, ...index, ...(adapter ? [adapterFolder] : [])]);
  return {
    folder,
    config,
    ...(adapter && { adapter: adapter.config }),
    configText,
    tensors: withExpertsApart(tensors, config),
    blocks: [],
    made: new Map(),
    ...(await companionsOf(folder, names, read)),
  };
}

async function openFile(path: string): Promise<Checkpoint> {
  if (!(await isGguf(path))) {
    throw new UserError(
      `${path} is a file; give the folder that holds config.json and model.safetensors, or a GGUF file`,
    );
  }
  const { config, configText, files: made, ...model } = await openGguf(path);
  return { folder: path, config, configText, made, companions: [], hubName: null, ...model };
}

/** The model with each field of its blocks as a tensor. */
export function withFields(checkpoint: Checkpoint, { quantization, fields }: Described): Checkpoint {
  const { config, tensors, blocks } = checkpoint;
  const own = blocks.flatMap((matrix) => fieldTensors(matrix, fields.get(matrix.name) ?? []));
  const all = [...tensors.values(), ...own].sort((a, b) => a.offset - b.offset);
  const described = { ...config, quantization_config: quantization };
  return {
    ...checkpoint,
    config: described,
    configText: configText(described),
    tensors: new Map(all.map((tensor) => [tensor.name, tensor])),
    blocks: [],
  };
}

function noFolder(folder: string, cause: unknown): unknown {
  if (!hasHubForm(folder) || folder.endsWith(".gguf")) return cause;
  const into = basename(folder);
  const way = `\`hf download ${folder} --local-dir ${into}\` does (pip install huggingface_hub), then give ${into}`;
  return new UserError(`there is no folder ${folder}; if it is a model on the Hub, lcomp does not download: ${way}`, {
    cause,
  });
}

/** The folder that was probably meant: a snapshot in the Hub's cache, or the first folder in this one that has a config.json. */
async function noConfig(folder: string, names: readonly string[]): Promise<UserError> {
  const places = names.includes("snapshots") ? await snapshotsIn(folder) : names;
  for (const place of places) {
    const path = join(folder, place);
    if (existsSync(join(path, "config.json")))
      return new UserError(`${folder} has no config.json; ${path} has one: give that folder`);
  }
  if (names.includes("adapter_config.json"))
    return new UserError(`${folder} holds an adapter, and no model; merge it into its model, save that, and give it`);
  const file = names.find((name) => name.endsWith(".gguf"));
  if (file !== undefined) return new UserError(`${folder} has no config.json; give ${join(folder, file)} itself`);
  return new UserError(`${folder} has no config.json; give the folder of a Hugging Face model, or a GGUF file`);
}

/** Refuses a config.json by which Transformers reads another config, or other weights, than those of the usual names. */
function requireUsualNames(folder: string, config: JsonObject): void {
  for (const [field, usual] of [
    ["configuration_files", "config.json"],
    ["transformers_weights", `${single} or, an index, ${indexName}`],
  ] as const) {
    const said = config[field] ?? [];
    if (Array.isArray(said) && said.length === 0) continue;
    const names = JSON.stringify(said).slice(0, 60);
    throw new UserError(
      `${join(folder, "config.json")} says to read ${names} (\`${field}\`); name that file ${usual}, and take the field out`,
    );
  }
}

/** A size of the model's config, such as hidden_size: a whole number from 1 to 2^31 - 1. */
export function requireSize({ folder, config }: Pick<Checkpoint, "folder" | "config">, key: string): number {
  const value = config[key];
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value < 2 ** 31) return value;
  const found = value === undefined ? "it is missing" : `it is ${(JSON.stringify(value) ?? "").slice(0, 60)}`;
  throw new UserError(`${key} in ${join(folder, "config.json")} must be a whole number from 1 to 2147483647; ${found}`);
}

/** The dtype of a weight that lcomp can compute with; others are refused by name. */
function requireFloat({ name, dtype, path }: StoredTensor): FloatDType {
  if (isFloatDType(dtype)) return dtype;
  throw new UserError(`tensor ${name} in ${path} is ${dtype}; lcomp reads F32, F16 and BF16: convert it`);
}

/** Refuses stored floats with a NaN or an infinity, naming the tensor and the index; `first` is the index of bytes[0]. */
export function requireFinite(tensor: StoredTensor, bytes: Uint8Array, first = 0): void {
  const dtype = requireFloat(tensor);
  const at = firstNonFinite(bytes, dtype);
  if (at < 0) return;
  const width = floatWidth(dtype);
  const value = toFloat32(bytes.slice(at * width, (at + 1) * width), dtype)[0];
  const { name, shape, path } = tensor;
  throw new UserError(
    `tensor ${name} in ${path} holds ${value} at [${indices(first + at, shape).join(", ")}]; use a sound copy of the model`,
  );
}

function indices(flat: number, shape: readonly number[]): number[] {
  let rest = flat;
  const reversed = shape.toReversed().map((size) => {
    const index = rest % size;
    rest = Math.floor(rest / size);
    return index;
  });
  return reversed.reverse();
}

const single = "model.safetensors";
const indexName = "model.safetensors.index.json";

async function readTensors(folder: string, names: readonly string[]): Promise<ReadonlyMap<string, StoredTensor>> {
  if (names.includes(single)) {
    const { tensors } = await readHeader(join(folder, single));
    return new Map(tensors.map((tensor) => [tensor.name, tensor]));
  }
  if (names.includes(indexName)) return readShards(folder);
  const lacks = `${folder} has neither ${single} nor ${indexName}`;
  const file = names.find((name) => name.endsWith(".gguf"));
  if (file !== undefined) throw new UserError(`${lacks}; give ${join(folder, file)} itself`);
  const other = names.find((name) => /\.(safetensors|bin|pt|pth|h5)$/.test(name));
  const hint = other === undefined ? "" : ` (${other} is not read)`;
  throw new UserError(`${lacks}${hint}; save the model with safe_serialization=True`);
}

async function readShards(folder: string): Promise<ReadonlyMap<string, StoredTensor>> {
  const index = join(folder, indexName);
  const { weight_map: weightMap } = await readJsonObject(folder, indexName);
  if (!isJsonObject(weightMap)) throw new UserError(`${index} has no weight_map; download or write it again`);
  const listed = Object.entries(weightMap).map(([name, file]) => [name, shardName(file, name, index)] as const);
  const tensors = new Map<string, StoredTensor>();
  for (const file of new Set(listed.map(([, shard]) => shard))) {
    for (const tensor of await readShard(folder, file)) {
      const twin = tensors.get(tensor.name);
      if (twin) throw new UserError(`tensor ${tensor.name} is in both ${twin.path} and ${tensor.path}; remove one`);
      tensors.set(tensor.name, tensor);
    }
  }
  for (const [name, file] of listed) {
    if (tensors.get(name)?.path !== join(folder, file)) {
      throw new UserError(`${index} says that ${name} is in ${file}, which does not hold it; download both again`);
    }
  }
  return tensors;
}

function shardName(file: unknown, tensor: string, index: string): string {
  if (typeof file !== "string" || file === "") {
    throw new UserError(`${index} names no file for ${tensor}; download or write it again`);
  }
  if (/^[\\/]|^[a-zA-Z]:|\0/.test(file) || file.split(/[\\/]/).includes("..")) {
    throw new UserError(
      `${index} places ${tensor} outside of the model's folder (${JSON.stringify(file)}); this is refused`,
    );
  }
  return file;
}

async function readShard(folder: string, file: string): Promise<readonly StoredTensor[]> {
  const { tensors } = await readHeader(join(folder, file)).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
    throw new UserError(`shard ${file} is missing from ${folder}; download it (${indexName} names it)`, {
      cause: error,
    });
  });
  return tensors;
}
