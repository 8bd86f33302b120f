/** The tensors of a GGUF file by their names in a Hugging Face folder, with how their elements lie. */
import { UserError } from "../../user-error.ts";
import type { Arrangement } from "../arrangement.ts";
import type { OpenFile } from "../file.ts";
import type { StoredTensor } from "../safetensors.ts";
import { type GgufHeader, type GgufTensor, shown } from "./header.ts";
import type { ArchitectureTable } from "./tables.ts";
import { floatOf } from "./types.ts";

/** The tensors that are stored as floats, of a model with heads of `head` rows. */
export function storedTensors(
  { path, stamp }: Pick<OpenFile, "path" | "stamp">,
  { tensors }: Pick<GgufHeader, "tensors">,
  table: ArchitectureTable,
  head: number,
): ReadonlyMap<string, StoredTensor> {
  const stored = tensors.flatMap((tensor): StoredTensor[] => {
    if (tensor.name === table.frequencies?.tensor) return [];
    const { name, key } = placeOf(tensor, table, path);
    const dtype = floatOf(tensor.type);
    if (dtype === undefined) return [];
    const arrangement = arrangementOf(key, tensor, table, head, path);
    const { offset, bytes } = tensor;
    const shape = arrangement?.kind === "transposed" ? tensor.shape.toReversed() : tensor.shape;
    return [{ name, dtype, shape, offset, bytes, path, stamp, ...(arrangement && { arrangement }) }];
  });
  return new Map(stored.map((tensor) => [tensor.name, tensor]));
}

/** Refuses codes, which nothing decodes yet. */
export function requireFloats({ tensors }: Pick<GgufHeader, "tensors">, path: string): void {
  const [first, ...others] = tensors.filter(({ type }) => floatOf(type) === undefined);
  if (first === undefined) return;
  const { name, block, bytes } = first.type;
  const more = others.length > 0 ? `, and ${others.length} more are no floats either` : "";
  throw new UserError(
    `tensor ${shown(first.name)} in ${path} is ${name} (${block} weights in ${bytes} bytes)${more}; of GGUF files lcomp reads F32, F16 and BF16: take the model in one of these, or the folder that it was made from`,
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
  if (arranged.paired?.includes(key)) {
    if ((shape[0] ?? 0) % head !== 0 || head % 2 !== 0) refuse(`have whole heads of ${head} rows, an even number`);
    return { kind: "paired", rows: head };
  }
  if (arranged.transposed?.includes(key) && shape.length === 2) return { kind: "transposed" };
  if (!arranged["above-by-one"]?.includes(key)) return undefined;
  if (type.name !== "F32") refuse("be F32");
  return { kind: "above-by-one" };
}
