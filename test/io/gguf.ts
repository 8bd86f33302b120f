/** GGUF files made by hand. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Kinds of values by their numbers; a list has its elements' kind before it. */
const kinds = {
  u8: 0,
  i8: 1,
  u16: 2,
  i16: 3,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  text: 8,
  list: 9,
  u64: 10,
  i64: 11,
  f64: 12,
};
type Kind = Exclude<keyof typeof kinds, "list">;

/** A value and its kind. */
export type Field =
  | readonly [kind: Kind, value: unknown]
  | readonly [kind: "list", of: Kind, values: readonly unknown[]];

/** A tensor with the sizes as GGUF has them, the one that varies fastest first, and anything that is to be wrong about it. */
export interface Listed {
  readonly name: string;
  readonly sizes: readonly (number | bigint)[];
  readonly type?: number;
  readonly place?: number | bigint;
  readonly data: Uint8Array;
}

export interface File {
  readonly version?: number;
  readonly alignment?: number;
  readonly fields?: Readonly<Record<string, Field>> | readonly (readonly [key: string, field: Field])[];
  readonly tensors?: readonly Listed[];
}

const whole = (value: number | bigint, bytes: number): Buffer => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return buffer.subarray(0, bytes);
};
const text = (value: string): Buffer => Buffer.concat([whole(Buffer.byteLength(value), 8), Buffer.from(value)]);

function scalar(kind: Kind, value: unknown): Buffer {
  if (kind === "text") return text(String(value));
  if (kind === "f32") return Buffer.from(Float32Array.of(Number(value)).buffer);
  if (kind === "f64") return Buffer.from(Float64Array.of(Number(value)).buffer);
  const bytes = kind === "bool" ? 1 : Number(kind.slice(1)) / 8;
  return whole(typeof value === "bigint" ? value : Number(value), bytes);
}

function value(field: Field): Buffer {
  if (field[0] !== "list") return Buffer.concat([whole(kinds[field[0]], 4), scalar(field[0], field[1])]);
  const [, of, values] = field;
  const head = [whole(kinds.list, 4), whole(kinds[of], 4), whole(values.length, 8)];
  return Buffer.concat([...head, ...values.map((each) => scalar(of, each))]);
}

/** The bytes of a file. */
export function ggufBytes({ version = 3, alignment = 32, fields = {}, tensors = [] }: File): Buffer {
  const padding = (bytes: number): Buffer => Buffer.alloc((alignment - (bytes % alignment)) % alignment);
  const listed = Array.isArray(fields) ? fields : Object.entries(fields);
  let next = 0;
  const entries = tensors.map(({ name, sizes, type = 0, place = next, data }) => {
    next += data.byteLength + padding(data.byteLength).byteLength;
    return Buffer.concat([
      text(name),
      whole(sizes.length, 4),
      ...sizes.map((size) => whole(size, 8)),
      whole(type, 4),
      whole(place, 8),
    ]);
  });
  const header = Buffer.concat([
    Buffer.from("GGUF"),
    whole(version, 4),
    whole(tensors.length, 8),
    whole(listed.length, 8),
    ...listed.map(([key, field]: readonly [string, Field]) => Buffer.concat([text(key), value(field)])),
    ...entries,
  ]);
  const data = tensors.flatMap(({ data }) => [data, padding(data.byteLength)]);
  return Buffer.concat([header, ...(tensors.length > 0 ? [padding(header.byteLength)] : []), ...data]);
}

/** Writes a file into a folder and returns its path. */
export function writeGguf(folder: string, file: File, name = "model.gguf"): string {
  const path = join(folder, name);
  writeFileSync(path, ggufBytes(file));
  return path;
}
