/** The tensors of a GGUF file by their names in a Hugging Face folder, with how their elements lie. */
import { UserError } from "../../user-error.ts";
import type { Arrangement } from "../arrangement.ts";
import type { OpenFile } from "../file.ts";
import type { StoredTensor } from "../safetensors.ts";
import type { BlockMatrix } from "./blocks.ts";
import { type GgufHeader, type GgufTensor, shown } from "./header.ts";
import { frequencyTensors } from "./rope.ts";
import { type ArchitectureTable, typeTable } from "./tables.ts";
import { floatOf } from "./types.ts";

/** The tensors of a file by their names in a folder: of floats, and those in blocks of codes. */
export interface FolderTensors {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly blocks: readonly BlockMatrix[];
}

/** The tensors of a model with heads of `head` rows, in the order of the file. */
export function folderTensors(
  { path, stamp }: Pick<OpenFile, "path" | "stamp">,
  { tensors: listed }: Pick<GgufHeader, "tensors">,
  table: ArchitectureTable,
  head: number,
): FolderTensors {
  const [tensors, blocks] = [new Map<string, StoredTensor>(), [] as BlockMatrix[]];
  requireFormats(listed, path);
  for (const tensor of listed) {
    if (frequencyTensors(table).includes(tensor.name)) continue;
    const { name: place, key } = placeOf(tensor, table, path);
    for (const [name, own] of expertsOf(place, tensor, path)) {
      const arrangement = arrangementOf(key, own, table, head, path);
      const { type, offset, bytes } = own;
      const dtype = floatOf(type);
      const shape = arrangement?.kind === "transposed" ? own.shape.toReversed() : own.shape;
      const at = { shape, offset, bytes, ...(arrangement && { arrangement }) };
      if (dtype !== undefined) tensors.set(name, { name, dtype, path, stamp, ...at });
      else if (type.format !== undefined)
        blocks.push({ name, module: type.format, format: type.name, path, stamp, at });
    }
  }
  return { tensors, blocks };
}

/** The tensor, or the matrix of each expert, which lie one after the other. */
function expertsOf(place: string, tensor: GgufTensor, path: string): readonly (readonly [string, GgufTensor])[] {
  if (!place.includes("{expert}")) return [[place, tensor]];
  const [count = 0, ...shape] = tensor.shape;
  if (shape.length !== 2) refuse(tensor, path, "be a list of matrices, one for each expert");
  const bytes = tensor.bytes / count;
  return Array.from({ length: count }, (_, expert) => [
    place.replace("{expert}", String(expert)),
    { ...tensor, shape, bytes, offset: tensor.offset + expert * bytes },
  ]);
}

function refuse({ name, shape, type }: GgufTensor, path: string, must: string): never {
  throw new UserError(
    `tensor ${name} in ${path} is [${shape.join(", ")}] ${type.name}, and must ${must}; write it again`,
  );
}

/** Refuses types that nothing decodes. */
function requireFormats(tensors: readonly GgufTensor[], path: string): void {
  const isRead = ({ type }: GgufTensor): boolean => floatOf(type) !== undefined || type.format !== undefined;
  const [first, ...others] = tensors.filter((tensor) => !isRead(tensor));
  if (first === undefined) return;
  const { name, block, bytes } = first.type;
  const more = others.length > 0 ? `, and ${others.length} more are of such types` : "";
  const known = Object.values(typeTable()).filter(({ format }) => format !== undefined);
  throw new UserError(
    `tensor ${shown(first.name)} in ${path} is ${name} (${block} weights in ${bytes} bytes)${more}; of GGUF files lcomp reads F32, F16, BF16, ${known.map((type) => type.name).join(", ")}: take the model in one of these, or the folder that it was made from`,
  );
}

/** Its name in a folder, and as the table has it. */
function placeOf(tensor: GgufTensor, { tensors }: ArchitectureTable, path: string) {
  const [, layer, rest = "", kind] = /^(?:blk\.(\d+)\.)?(.+)\.(weight|bias)$/.exec(tensor.name) ?? [];
  const key = layer === undefined ? rest : `blk.{layer}.${rest}`;
  const place = Object.hasOwn(tensors, key) ? tensors[key] : undefined;
  if (place === undefined)
    throw new UserError(
      `tensor ${shown(tensor.name)} in ${path} belongs to no model of its architecture that lcomp knows; give the folder that it was made from`,
    );
  return { key, name: `${place.replace("{layer}", layer ?? "")}.${kind}` };
}

function arrangementOf(
  key: string,
  tensor: GgufTensor,
  { arranged = {} }: ArchitectureTable,
  head: number,
  path: string,
): Arrangement | undefined {
  const { name, shape, type } = tensor;
  const isOf = (kind: keyof typeof arranged): boolean => arranged[kind]?.includes(key) === true;
  const requireThat = (holds: boolean, must: string): void => {
    if (!holds) refuse(tensor, path, must);
  };
  const [rows = 0] = shape;
  if (type.format !== undefined)
    requireThat(shape.length === 2 && name.endsWith(".weight"), "be of floats, as all but matrices are");
  if (isOf("paired")) {
    requireThat(rows % head === 0 && head % 2 === 0, `have whole heads of ${head} rows, an even number`);
    return pairs(head);
  }
  if (isOf("thirds")) {
    requireThat(rows % (3 * head) === 0, `have three times whole heads of ${head} rows`);
    return thirds(rows, head);
  }
  // What is coded along its inputs is read so, whichever way round its folder has numbers.
  if (isOf("transposed") && shape.length === 2) return type.format === undefined ? { kind: "transposed" } : undefined;
  if (!isOf("above-by-one")) return undefined;
  requireThat(type.name === "F32", "be F32");
  return { kind: "above-by-one" };
}

/** Of a head, the file has each row of the first half and then the one that is half a head below. */
export const pairs = (head: number): Arrangement => ({ kind: "regrouped", groups: 2, parts: head / 2, run: 1 });

/** The file has q of all heads, then k, then v. */
export const thirds = (rows: number, head: number): Arrangement => ({
  kind: "regrouped",
  groups: rows / (3 * head),
  parts: 3,
  run: head,
});
