/** Saved tensors of a plan, as files declare them. */
import type { SavedTensor } from "../../compiler/plan/step.ts";
import { isStoredDType } from "../../compiler/plan/stored-types.ts";
import type { TensorDeclaration } from "../io/safetensors.ts";

/** A saved tensor, as files declare it. */
export function declared({ name, dtype, shape }: SavedTensor): TensorDeclaration {
  if (!isStoredDType(dtype)) throw new Error(`${name} is saved as ${dtype}, which no file holds`);
  return { name, dtype, shape };
}
