/** The types of tensors in GGUF files: blocks of weights that lie one after the other in a row. */
import { type FloatDType, isFloatDType } from "../../../compiler/plan/stored-types.ts";
import { type TensorType, typeTable } from "./tables.ts";

/** The type with a number; undefined for one that is not known. */
export const tensorType = (id: number): TensorType | undefined => typeTable()[id];

/** The stored floats that a type is, undefined for codes and whole numbers. */
export const floatOf = ({ name }: TensorType): FloatDType | undefined => (isFloatDType(name) ? name : undefined);
