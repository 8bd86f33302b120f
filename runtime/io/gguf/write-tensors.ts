/** Tensors of a model as a GGUF file has them: under its names, rows and norms as it has them, fields of codes block by block. */
import type { InBlocks } from "../../../compiler/plan/step.ts";
import { isFloatDType, type StoredDType } from "../../../compiler/plan/stored-types.ts";
import { UserError } from "../../user-error.ts";
import { type Arrangement, type Regrouped, storedRun } from "../arrangement.ts";
import { toGroups } from "../groups.ts";
import { toFloat32 } from "../numbers.ts";
import { type ArchitectureTable, type TensorType, typeTable } from "./tables.ts";
import { pairs, thirds } from "./tensors.ts";
import type { WrittenTensor } from "./written.ts";

/** A tensor of a result, or a field of a matrix in blocks. */
export interface Part {
  readonly name: string;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  readonly blocks?: InBlocks;
}

/** A tensor, or the fields of a matrix. */
type Parts = readonly [Part, ...Part[]];

/** A tensor of the file, and the parts that it is made of: of one matrix, or of several, which lie one after the other. */
export interface FileTensor extends WrittenTensor {
  readonly typeName: string;
  readonly matrices: readonly [Parts, ...Parts[]];
  readonly arrangement?: Arrangement;
}

/** The tensors of a file, in the order of the parts; `head` is how many rows a head has. */
export function fileTensors(parts: readonly Part[], table: ArchitectureTable, head: number): readonly FileTensor[] {
  const names = new Map(Object.entries(table.tensors).map(([key, path]) => [path, key]));
  const matrices = [...Map.groupBy(parts, ({ name, blocks }) => blocks?.of ?? name)].map(([of, fields]) => ({
    ...placeOf(of, names),
    tensor: fields as readonly Part[] as Parts,
  }));
  return [...Map.groupBy(matrices, ({ name }) => name)].map(([name, all]) => {
    const sorted = all.toSorted((a, b) => a.expert - b.expert) as [(typeof all)[0], ...typeof all];
    const [{ key, expert }] = sorted;
    const [first, ...others] = sorted.map(({ tensor }) =>
      fileTensor(name, tensor, arrangementOf(key, tensor, table, head)),
    ) as [FileTensor, ...FileTensor[]];
    return Number.isNaN(expert) ? first : ofExperts(first, others);
  });
}

/** What a tensor is called in the file, and which expert's it is. */
function placeOf(of: string, names: ReadonlyMap<string, string>) {
  const [, path = of, kind] = /^(.*)\.(weight|bias)$/.exec(of) ?? [];
  const [layer, expert] = Array.from(path.matchAll(/(?<=\.)\d+(?=\.)/g), ([number]) => number);
  const place = path.replace(/\.\d+\./, ".{layer}.").replace(/\.\d+\./, ".{expert}.");
  const key = names.get(place);
  if (key === undefined || kind === undefined)
    throw new UserError(`"gguf" has no name for the tensor ${of}; save as "huggingface"`);
  return { key, name: `${key.replace("{layer}", layer ?? "")}.${kind}`, expert: Number(expert) };
}

/** The tensor of a matrix for each expert. */
function ofExperts(first: FileTensor, others: readonly FileTensor[]): FileTensor {
  const { name, typeName, shape, bytes, matrices } = first;
  const odd = others.find((each) => each.typeName !== typeName || String(each.shape) !== String(shape));
  if (odd)
    throw new UserError(
      `"gguf" holds the experts of a layer in one tensor, and of ${name} ${matrices[0][0].name} is [${shape.join(", ")}] ${typeName}, ${odd.matrices[0][0].name} is [${odd.shape.join(", ")}] ${odd.typeName}; save as "huggingface" or "lcomp"`,
    );
  const all = 1 + others.length;
  return {
    ...first,
    shape: [all, ...shape],
    bytes: all * bytes,
    matrices: [...matrices, ...others.flatMap((each) => each.matrices)],
  };
}

function arrangementOf(
  key: string,
  [first]: Parts,
  { arranged = {} }: ArchitectureTable,
  head: number,
): Arrangement | undefined {
  const shape = first.blocks?.shape ?? first.shape;
  if (arranged.paired?.includes(key)) return pairs(head);
  if (arranged.thirds?.includes(key)) return thirds(shape[0] ?? 0, head);
  if (arranged["above-by-one"]?.includes(key)) return { kind: "above-by-one" };
  const isTurned = arranged.transposed?.includes(key) && shape.length === 2 && !first.blocks;
  return isTurned ? { kind: "transposed" } : undefined;
}

function fileTensor(name: string, parts: Parts, arrangement: Arrangement | undefined): FileTensor {
  const [first] = parts;
  const { blocks, dtype } = first;
  const given = blocks?.shape ?? first.shape;
  const shape = arrangement?.kind === "transposed" ? given.toReversed() : given;
  // Norms and biases are F32 to the programs that read such files.
  const typeName = blocks?.format ?? (shape.length < 2 ? "F32" : dtype);
  const [id, type] = typeNamed(typeName);
  const isHeld = blocks ? type?.format !== undefined : isFloatDType(dtype);
  if (!isHeld || type === undefined)
    throw new UserError(`"gguf" does not hold ${first.name}, which is ${typeName}; save as "huggingface" or "lcomp"`);
  const count = shape.reduce((product, size) => product * size, 1);
  const bytes = (count / type.block) * type.bytes;
  return { name, type: id, typeName, shape, bytes, matrices: [parts], ...(arrangement && { arrangement }) };
}

const typeNamed = (name: string): readonly [number, TensorType | undefined] => {
  const [id, type] = Object.entries(typeTable()).find(([, each]) => each.name === name) ?? [];
  return [Number(id), type];
};

/** What most matrices are, as `general.file_type` says it. */
export function fileTypeOf(tensors: readonly FileTensor[]): number | undefined {
  const matrices = Map.groupBy(
    tensors.filter(({ shape }) => shape.length > 1),
    ({ typeName }) => typeName,
  );
  const weightOf = (of: readonly FileTensor[]): number => of.reduce((sum, { bytes }) => sum + bytes, 0);
  const [most] = [...matrices].sort(([, a], [, b]) => weightOf(b) - weightOf(a));
  return most && typeNamed(most[0])[1]?.file;
}

export type Pieces = (part: Part) => AsyncIterable<Uint8Array>;

/** Memory for so many bytes, which hold whatever they held. */
export type Memory = (bytes: number) => Uint8Array<ArrayBuffer>;

/** Memory that is used again: the same for each who asks. */
export function sharedMemory(): Memory {
  let held = new Uint8Array(0);
  return (bytes) => {
    if (held.byteLength < bytes) held = new Uint8Array(bytes);
    return held.subarray(0, bytes);
  };
}

/** The bytes of a tensor in the file. What lies there otherwise than in the parts is put together in `memory`. */
export async function* bytesOf(tensor: FileTensor, pieces: Pieces, memory: Memory): AsyncGenerator<Uint8Array> {
  for (const matrix of tensor.matrices) yield* matrixBytes(tensor, matrix, pieces, memory);
}

async function* matrixBytes(
  { arrangement, shape, typeName, bytes, matrices }: FileTensor,
  parts: Parts,
  pieces: Pieces,
  memory: Memory,
): AsyncGenerator<Uint8Array> {
  const [first] = parts;
  if (!first.blocks && !arrangement && first.dtype === typeName) {
    yield* pieces(first);
    return;
  }
  const whole = first.blocks
    ? await interleaved(parts, memory(bytes / matrices.length), pieces)
    : await collected(first, pieces);
  const isWidened = !first.blocks && isFloatDType(first.dtype) && first.dtype !== typeName;
  const plain = isWidened ? new Uint8Array(toFloat32(whole, first.dtype).slice().buffer) : whole;
  yield arrangement ? arrangedFor(arrangement, plain, shape) : plain;
}

async function collected(part: Part, pieces: Pieces): Promise<Uint8Array<ArrayBuffer>> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces(part)) all.push(piece.slice());
  return new Uint8Array(Buffer.concat(all));
}

/** Fields block by block. */
async function interleaved(
  parts: Parts,
  into: Uint8Array<ArrayBuffer>,
  pieces: Pieces,
): Promise<Uint8Array<ArrayBuffer>> {
  for (const part of parts) {
    let done = 0;
    for await (const piece of pieces(part)) {
      toGroups(piece, done, into, part.blocks ?? { start: 0, width: 1, stride: 1 });
      done += piece.byteLength;
    }
  }
  return into;
}

/** What the file has of a tensor, perhaps in the same memory; `shape` is the file's. */
function arrangedFor(arrangement: Arrangement, bytes: Uint8Array<ArrayBuffer>, shape: readonly number[]): Uint8Array {
  switch (arrangement.kind) {
    case "regrouped":
      return regrouped(bytes, arrangement, bytes.byteLength / (shape[0] ?? 1));
    case "above-by-one":
      return new Uint8Array(new Float32Array(bytes.buffer).map((x) => x + 1).buffer);
    case "transposed": {
      const [rows = 1, columns = 1] = shape;
      const width = bytes.byteLength / (rows * columns);
      const [from, into] = [elements(bytes, width), elements(new Uint8Array(bytes.byteLength), width)];
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++) into[row * columns + column] = from[column * rows + row] ?? 0;
      return new Uint8Array(into.buffer);
    }
    case "interleaved":
      throw new Error("fields are interleaved before rows move");
  }
}

/** Runs of rows in the order of the file, in the same memory; a row has so many bytes. */
function regrouped(bytes: Uint8Array<ArrayBuffer>, arrangement: Regrouped, row: number): Uint8Array {
  const width = arrangement.run * row;
  const count = arrangement.groups * arrangement.parts;
  const together = new Uint8Array(count * width);
  for (let start = 0; start < bytes.byteLength; start += together.byteLength) {
    together.set(bytes.subarray(start, start + together.byteLength));
    for (let run = 0; run < count; run++)
      bytes.set(together.subarray(run * width, (run + 1) * width), start + storedRun(run, arrangement) * width);
  }
  return bytes;
}

const elements = ({ buffer }: Uint8Array<ArrayBuffer>, width: number): Uint16Array | Uint32Array =>
  width === 2 ? new Uint16Array(buffer) : new Uint32Array(buffer);
