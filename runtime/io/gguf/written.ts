/** What a GGUF file that is written begins with: metadata and the list of tensors, to the byte. */
import { UserError } from "../../user-error.ts";
import type { Value } from "./header.ts";

/** A value of metadata, and the type that programs ask for, which they do not convert. */
export type Written =
  | { readonly kind: "u32" | "f32"; readonly value: number }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "texts"; readonly value: readonly string[] }
  | { readonly kind: "f32s"; readonly value: Float32Array }
  | { readonly kind: "i32s"; readonly value: Int32Array };

export type Metadata = ReadonlyMap<string, Written>;

/** A tensor in the list: the number of its type, and its shape with the dimension that varies fastest last. */
export interface WrittenTensor {
  readonly name: string;
  readonly type: number;
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** Where data begins, and every tensor in it: at multiples of so many bytes. */
const alignment = 32;

export const padding = (bytes: number): number => (alignment - (bytes % alignment)) % alignment;

/** Longer names are refused by the programs that read such files. */
const longestName = 63;

const kinds = { u32: 4, f32: 6, bool: 7, text: 8, texts: 8, f32s: 6, i32s: 5 } as const;
const list = 9;

/** Metadata as a reader has it. */
export const asRead = (metadata: Metadata): ReadonlyMap<string, Value> =>
  new Map([...metadata].map(([key, { value }]) => [key, value]));

/** All bytes in front of the data. */
export function headerBytes(metadata: Metadata, tensors: readonly WrittenTensor[]): Uint8Array {
  const parts: Uint8Array[] = [
    Buffer.from("GGUF"),
    whole(3, 4),
    whole(tensors.length, 8),
    whole(metadata.size, 8),
    ...[...metadata].flatMap(([key, written]) => [text(key), ...valueBytes(written)]),
  ];
  let place = 0;
  for (const { name, type, shape, bytes } of tensors) {
    if (Buffer.byteLength(name) > longestName)
      throw new UserError(`the name ${name} has more than ${longestName} bytes, which GGUF does not hold`);
    const sizes = shape.toReversed().map((size) => whole(size, 8));
    parts.push(text(name), whole(shape.length, 4), ...sizes, whole(type, 4), whole(place, 8));
    place += bytes + padding(bytes);
  }
  const header = Buffer.concat(parts);
  return Buffer.concat([header, new Uint8Array(padding(header.byteLength))]);
}

function valueBytes(written: Written): readonly Uint8Array[] {
  const kind = whole(kinds[written.kind], 4);
  switch (written.kind) {
    case "u32":
      return [kind, whole(written.value, 4)];
    case "f32":
      return [kind, new Uint8Array(Float32Array.of(written.value).buffer)];
    case "bool":
      return [kind, whole(Number(written.value), 1)];
    case "text":
      return [kind, text(written.value)];
    case "texts":
      return [whole(list, 4), kind, whole(written.value.length, 8), ...written.value.map(text)];
    case "f32s":
    case "i32s": {
      const { buffer, byteOffset, byteLength } = written.value;
      const bytes = new Uint8Array(buffer, byteOffset, byteLength);
      return [whole(list, 4), kind, whole(written.value.length, 8), bytes];
    }
  }
}

function whole(value: number, bytes: number): Uint8Array {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer.subarray(0, bytes);
}

const text = (value: string): Uint8Array => Buffer.concat([whole(Buffer.byteLength(value), 8), Buffer.from(value)]);
