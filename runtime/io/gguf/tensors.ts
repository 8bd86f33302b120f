/** The tensors of a GGUF file by their names in a Hugging Face folder, with how their elements lie. */
import { UserError } from "../../user-error.ts";
import type { Arrangement } from "../arrangement.ts";
import type { OpenFile } from "../file.ts";
import type { StoredTensor } from "../safetensors.ts";
import type { BlockMatrix } from "./blocks.ts";
import { type GgufHeader, type GgufTensor, shown } from "./header.ts";
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
    if (tensor.name === table.frequencies?.tensor) continue;
    const { name, key } = placeOf(tensor, table, path);
    const arrangement = arrangementOf(key, tensor, table, head, path);
    const { type, offset, bytes } = tensor;
    const dtype = floatOf(type);
    const shape = arrangement?.kind === "transposed" ? tensor.shape.toReversed() : tensor.shape;
    const at = { shape, offset, bytes, ...(arrangement && { arrangement }) };
    if (dtype !== undefined) tensors.set(name, { name, dtype, path, stamp, ...at });
    else if (type.format !== undefined) blocks.push({ name, module: type.format, format: type.name, path, stamp, at });
  }
  return { tensors, blocks };
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
  { name, shape, type }: GgufTensor,
  { arranged = {} }: ArchitectureTable,
  head: number,
  path: string,
): Arrangement | undefined {
  const refuse = (must: string): never => {
    throw new UserError(
      `tensor ${name} in ${path} is [${shape.join(", ")}] ${type.name}, and must ${must}; write it again`,
    );
  };
  if (type.format !== undefined && (shape.length !== 2 || !name.endsWith(".weight")))
    refuse("be of floats, as all but matrices are");
  if (arranged.paired?.includes(key)) {
    if ((shape[0] ?? 0) % head !== 0 || head % 2 !== 0) refuse(`have whole heads of ${head} rows, an even number`);
    return { kind: "paired", rows: head };
  }
  // What is coded along its inputs is read so, whichever way round its folder has numbers.
  if (arranged.transposed?.includes(key) && shape.length === 2)
    return type.format === undefined ? { kind: "transposed" } : undefined;
  if (!arranged["above-by-one"]?.includes(key)) return undefined;
  if (type.name !== "F32") refuse("be F32");
  return { kind: "above-by-one" };
}
