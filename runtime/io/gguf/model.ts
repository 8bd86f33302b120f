/** A GGUF file as the folder that it would have come from: config.json, tensors by their names there, and the files beside them. */
import { stat } from "node:fs/promises";
import { UserError } from "../../user-error.ts";
import { type CardEntry, frontMatter } from "../card.ts";
import type { LeftBehind } from "../companions.ts";
import { type JsonObject, type OpenFile, readExactly, withFile } from "../file.ts";
import { toFloat32 } from "../numbers.ts";
import type { StoredTensor } from "../safetensors.ts";
import type { BlockMatrix } from "./blocks.ts";
import { configOf, configText, requireAllRead } from "./config.ts";
import { type Fields, fieldsOf } from "./fields.ts";
import { type GgufHeader, readGgufHeader, shown, sourceOf } from "./header.ts";
import { type FrequencyTensors, frequencyTensors } from "./rope.ts";
import { type ArchitectureTable, architectureTable, knownArchitectures } from "./tables.ts";
import { folderTensors } from "./tensors.ts";
import { tokenizerOf } from "./tokenizer.ts";

/** A GGUF file that has been opened: its header is read and checked, weights are not read. */
export interface GgufModel {
  readonly config: JsonObject;
  readonly configText: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly blocks: readonly BlockMatrix[];
  /** The texts of the other files of the folder by their names. */
  readonly files: ReadonlyMap<string, () => string>;
  /** Metadata that no file of the folder has. */
  readonly leftBehind: readonly LeftBehind[];
  readonly card: readonly CardEntry[];
}

/** Whether a path leads to a file that says, by its name or its first bytes, that it is GGUF. */
export async function isGguf(path: string): Promise<boolean> {
  const status = await stat(path).catch(() => undefined);
  if (status?.isFile() !== true) return false;
  if (path.toLowerCase().endsWith(".gguf")) return true;
  if (status.size < 4) return false;
  const magic = await withFile(path, (file) => readExactly(file, new Uint8Array(4), 0));
  return Buffer.from(magic).toString("latin1") === "GGUF";
}

/** Opens a GGUF file that holds a model of an architecture that lcomp has a table for. */
export const openGguf = (path: string): Promise<GgufModel> => withFile(path, modelIn);

async function modelIn(file: OpenFile): Promise<GgufModel> {
  const { path } = file;
  const header = readGgufHeader(sourceOf(file));
  const fields = fieldsOf(path, header);
  requireWhole(fields);
  const architecture = fields.text("general.architecture") ?? "";
  const experts = fields.number(`${architecture}.expert_count`) ?? 0;
  const table = architectureTable(architecture, experts > 0);
  if (table === undefined) {
    const known = new Set(knownArchitectures().map(({ name }) => name));
    throw fields.wrong("general.architecture", `one of ${[...known].join(", ")}`);
  }
  const tokenizer = tokenizerOf(fields);
  const vocabulary = rowsOf(header, path);
  if (vocabulary !== tokenizer.tokens.length)
    throw new UserError(
      `${path} has ${tokenizer.tokens.length} tokens and ${vocabulary} rows of ${embedding}; write it again`,
    );
  const { config, head } = configOf(fields, table, {
    architecture,
    vocabulary,
    dtype: torchTypes[header.tensors.find(({ name }) => name === embedding)?.type.name ?? ""] ?? "float32",
    special: tokenizer.special,
    has: (tensor) => header.tensors.some(({ name }) => name === tensor),
    tensors: header.tensors.length,
    frequencies: await frequenciesIn(file, header, table),
  });
  const card = cardOf(fields);
  requireAllRead(fields, architecture);
  return {
    config,
    configText: configText(config),
    ...folderTensors(file, header, table, head),
    files: tokenizer.files,
    leftBehind: [
      ...(card === undefined
        ? [{ name: "general.license", why: "not plain YAML: copy the licence and the like by hand" }]
        : []),
      ...fields
        .unasked()
        .map((name) => ({ name: shown(name), why: "metadata that a Hugging Face folder has no place for" })),
    ],
    card: card ?? [],
  };
}

const embedding = "token_embd.weight";
const torchTypes: Readonly<Record<string, string>> = { F32: "float32", F16: "float16", BF16: "bfloat16" };

/** Refuses what is no model, or a part of one. What only tells how the file is written is read here, too. */
function requireWhole(fields: Fields): void {
  const kind = fields.text("general.type") ?? "model";
  if (kind !== "model") throw fields.wrong("general.type", "model");
  const parts = fields.number("split.count") ?? 0;
  if (parts > 1)
    throw new UserError(`${fields.path} is one of ${parts} parts; join them to one file, as gguf-split --merge does`);
  for (const key of ["alignment", "quantization_version", "file_type"]) fields.number(`general.${key}`);
}

function rowsOf({ tensors }: GgufHeader, path: string): number {
  const found = tensors.find(({ name }) => name === embedding);
  if (found?.shape.length === 2) return found.shape[0] as number;
  throw new UserError(`${path} has no matrix ${embedding}; download or write it again`);
}

/** The values of the tensors that stretch rotary positions. */
async function frequenciesIn(
  file: OpenFile,
  { tensors }: GgufHeader,
  table: ArchitectureTable,
): Promise<FrequencyTensors> {
  const found = new Map<string, Float32Array>();
  for (const { name, type, bytes, offset } of tensors) {
    if (!frequencyTensors(table).includes(name)) continue;
    if (type.name !== "F32" || bytes > 2 ** 16)
      throw new UserError(`tensor ${name} in ${file.path} must be the F32 divisors of a head's frequencies`);
    found.set(name, toFloat32(await readExactly(file, new Uint8Array(bytes), offset), "F32"));
  }
  return found;
}

/** What metadata says of the model's licence and the like, as a card has it; undefined if YAML cannot safely say it. */
function cardOf(fields: Fields): readonly CardEntry[] | undefined {
  const texts = ["license", "license.name", "license.link"].flatMap((key) => {
    const text = fields.text(`general.${key}`);
    return text === undefined ? [] : [`${key.replace(".", "_")}: ${quoted(text)}`];
  });
  const lists = [["language", "languages"] as const, ["tags", "tags"] as const].flatMap(([key, of]) => {
    const values = fields.texts(`general.${of}`) ?? [];
    return values.length === 0 ? [] : [`${key}:`, ...values.map((value) => `- ${quoted(value)}`)];
  });
  return frontMatter(["---", ...texts, ...lists, "---"].join("\n"));
}

/** A text in YAML: as it is where nothing else can be meant, such as the truth value `no`. */
const quoted = (text: string): string =>
  /^[a-z][\w.-]*$/i.test(text) && !/^(y|n|yes|no|on|off|true|false|null)$/i.test(text) ? text : JSON.stringify(text);
