/** The types that tensors have in files: what each is called there, and the slots that hold it as it is, or else its bits. */
import { bitsOf, type DType, type Float, isPacked } from "./dtype.ts";

/** Those of weights that can be read. */
const floats = { F32: "f32", F16: "f16", BF16: "bf16" } as const satisfies Readonly<Record<string, Float>>;

const named = {
  ...{ ...floats, I32: "i32", U32: "u32", I8: "i8", U8: "u8" },
  ...{ F4: "e2m1", F8_E4M3: "e4m3", F8_E8M0: "e8m0" },
} as const satisfies Readonly<Record<string, DType>>;

/** Those that only stores hold: no header names them. */
const codes = { U1: "u1", U2: "u2", U3: "u3", U4: "u4", U5: "u5", U6: "u6", U7: "u7" } as const satisfies Readonly<
  Record<string, DType>
>;

const held = { ...named, ...codes };

/** Bits of those that no slot holds. */
const others = {
  ...{ F6_E2M3: 6, F6_E3M2: 6, F8_E5M2: 8 },
  ...{ BOOL: 8, U16: 16, I16: 16, U64: 64, I64: 64, F64: 64, C64: 64 },
} as const;

export type FloatDType = keyof typeof floats;

/** The type of the elements of a file. */
export type StoredDType = keyof typeof held | keyof typeof others;

export const isFloatDType = (name: string): name is FloatDType => Object.hasOwn(floats, name);

const isHeld = (name: string): name is keyof typeof held => Object.hasOwn(held, name);

/** Whether a header may name it. */
export const isStoredDType = (name: string): name is Exclude<StoredDType, keyof typeof codes> =>
  Object.hasOwn(named, name) || Object.hasOwn(others, name);

/** Bits of an element. */
export const storedBits = (dtype: StoredDType): number => (isHeld(dtype) ? bitsOf(held[dtype]) : others[dtype]);

/** Bytes of a number. */
export const floatWidth = (dtype: FloatDType): number => storedBits(dtype) / 8;

/** In which slots a weight of a file lies; undefined for what no weight can be. */
export const weightType = (name: string): Float | undefined => (isFloatDType(name) ? floats[name] : undefined);

/** What is in a slot, as files call it; on the GPU a truth value is a whole word. */
export function fileType(dtype: DType): StoredDType {
  if (dtype === "bool") return "U32";
  const found = Object.keys(held)
    .filter(isHeld)
    .find((name) => held[name] === dtype);
  if (found === undefined) throw new Error(`no file holds ${dtype}`);
  return found;
}

/** Types of files in which elements of a few bits lie side by side, whatever they are. */
const containers: readonly StoredDType[] = ["U8", "I32", "I64"];

/** Whether a tensor of a file can be bound to a slot as it is; a number of 64 bits is two of 32. */
export function canBind(
  tensor: { readonly dtype: StoredDType; readonly bytes: number },
  slot: { readonly dtype: DType; readonly count: number },
): boolean {
  const isSame = fileType(slot.dtype) === tensor.dtype || (isPacked(slot.dtype) && containers.includes(tensor.dtype));
  const isInHalves = tensor.dtype === "I64" && slot.dtype === "i32";
  return (isSame || isInHalves) && Math.ceil((slot.count * bitsOf(slot.dtype)) / 8) === tensor.bytes;
}
