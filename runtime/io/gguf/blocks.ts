/** Matrices that lie in blocks of codes: each field of a block becomes a tensor of its own, as a folder has it. */
import type { PlaceInBlocks } from "../../../compiler/plan/step.ts";
import type { Arrangement, Placed } from "../arrangement.ts";
import type { JsonObject } from "../file.ts";
import type { StoredTensor, TensorDeclaration } from "../safetensors.ts";

/** A matrix of a format without parameters, which a module of the library declares. */
export interface BlockMatrix extends Pick<StoredTensor, "name" | "path" | "stamp"> {
  readonly module: string;
  readonly format: string;
  /** Where its blocks lie, of rows and columns as a file has them. */
  readonly at: Placed & { readonly arrangement?: Arrangement };
}

/** A field as a tensor, and what it has of the blocks. */
interface BlockField extends TensorDeclaration, PlaceInBlocks {}

/** The fields of each matrix, and the `quantization_config` of a folder that has them. */
export interface Described {
  readonly quantization: JsonObject;
  readonly fields: ReadonlyMap<string, readonly BlockField[]>;
}

/** The tensors that hold the fields of a matrix. */
export const fieldTensors = (
  { path, stamp, at }: BlockMatrix,
  fields: readonly BlockField[],
): readonly StoredTensor[] =>
  fields.map(({ name, dtype, shape, start, width, stride }) => ({
    ...{ name, dtype, shape, path, stamp, offset: at.offset, bytes: (at.bytes / stride) * width },
    arrangement: { kind: "interleaved", start, width, stride, of: at },
  }));
