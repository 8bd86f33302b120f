/** What a program's slot needs of memory and of a file. */
import { type Program, type Slot, storedTypes } from "../../compiler/plan/program.ts";
import type { StoredDType } from "../io/safetensors.ts";

/** A slot with the size of its buffer, padding included. */
export interface SlotBuffer {
  readonly slot: Slot;
  readonly bytes: number;
}

/** The slots of a program that have one of these roles. */
export const slotsOf = ({ buffers }: Program, ...roles: readonly Slot["role"][]): readonly SlotBuffer[] =>
  buffers.flatMap(({ slot, bytes }) => (slot !== undefined && roles.includes(slot.role) ? [{ slot, bytes }] : []));

/** How many elements a slot has. */
export const elements = ({ dims }: Pick<Slot, "dims">): number => dims.reduce((product, { size }) => product * size, 1);

/** The bytes of a slot's elements, without padding. */
export const contentBytes = (slot: Slot): number => elements(slot) * widthOf(slot.dtype);

const widthOf = (dtype: Slot["dtype"]): number => (dtype === "f16" || dtype === "bf16" ? 2 : 4);

/** The types of tensors in files that slots can hold. */
export const slotTypes: ReadonlyMap<string, Slot["dtype"]> = new Map([...storedTypes, ["I32", "i32"], ["U32", "u32"]]);

/** The type of a slot, as files call it. */
export function fileType(dtype: Slot["dtype"]): StoredDType {
  const [found] = [...slotTypes].find(([, type]) => type === dtype) ?? [];
  if (found === undefined) throw new Error(`no file holds ${dtype}`);
  return found as StoredDType;
}
