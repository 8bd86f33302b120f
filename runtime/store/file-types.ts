/** What is in a slot, as files call it. */
import { type Slot, storedTypes } from "../../compiler/plan/program.ts";
import type { StoredDType } from "../io/safetensors.ts";

/** The types of tensors in files that slots can hold. */
export const slotTypes: ReadonlyMap<string, Slot["dtype"]> = new Map([...storedTypes, ["I32", "i32"], ["U32", "u32"]]);

/** The type of a slot, as files call it. */
export function fileType(dtype: Slot["dtype"]): StoredDType {
  const [found] = [...slotTypes].find(([, type]) => type === dtype) ?? [];
  if (found === undefined) throw new Error(`no file holds ${dtype}`);
  return found as StoredDType;
}
