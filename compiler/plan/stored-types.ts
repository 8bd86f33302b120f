/** The types that tensors have in files: what each is called there, its bits, and the type of slots that hold it as it is. */
import type { Slot } from "./program.ts";

interface StoredType {
  readonly bits: number;
  readonly slot?: Slot["dtype"];
}

/** Those of weights that can be read. */
const floats = {
  F32: { bits: 32, slot: "f32" },
  F16: { bits: 16, slot: "f16" },
  BF16: { bits: 16, slot: "bf16" },
} as const satisfies Readonly<Record<string, StoredType>>;

const others = {
  ...{ I32: { bits: 32, slot: "i32" }, U32: { bits: 32, slot: "u32" } },
  ...{ F4: { bits: 4 }, F6_E2M3: { bits: 6 }, F6_E3M2: { bits: 6 } },
  ...{ F8_E5M2: { bits: 8 }, F8_E4M3: { bits: 8 }, F8_E8M0: { bits: 8 } },
  ...{ BOOL: { bits: 8 }, U8: { bits: 8 }, I8: { bits: 8 }, U16: { bits: 16 }, I16: { bits: 16 } },
  ...{ U64: { bits: 64 }, I64: { bits: 64 }, F64: { bits: 64 }, C64: { bits: 64 } },
} as const satisfies Readonly<Record<string, StoredType>>;

export type FloatDType = keyof typeof floats;

/** An element type that a header may name. */
export type StoredDType = FloatDType | keyof typeof others;

export const storedTypes: Readonly<Record<StoredDType, StoredType>> = { ...floats, ...others };

export const isStoredDType = (name: string): name is StoredDType => Object.hasOwn(storedTypes, name);

export const isFloatDType = (name: string): name is FloatDType => Object.hasOwn(floats, name);

/** Bytes of a number. */
export const floatWidth = (dtype: FloatDType): number => floats[dtype].bits / 8;

/** In which slots a weight of a file lies; undefined for what no weight can be. */
export const weightType = (name: string): (typeof floats)[FloatDType]["slot"] | undefined =>
  isFloatDType(name) ? floats[name].slot : undefined;

/** In which slots a tensor of a file lies, if in any. */
export const slotType = (name: string): Slot["dtype"] | undefined =>
  isStoredDType(name) ? storedTypes[name].slot : undefined;

/** What is in a slot, as files call it; on the GPU a truth value is a whole word. */
export function fileType(dtype: Slot["dtype"]): StoredDType {
  if (dtype === "bool") return "U32";
  const found = Object.keys(storedTypes).find((name) => slotType(name) === dtype);
  if (found === undefined || !isStoredDType(found)) throw new Error(`no file holds ${dtype}`);
  return found;
}
