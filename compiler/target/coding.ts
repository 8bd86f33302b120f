/** How the weights of a folder are stored, weight by weight. */
import type { StoredField } from "../language/fields.ts";
import type { Callable, Format } from "../language/value.ts";
import type { DeclaredTensor } from "../model/declared-tensor.ts";
import type { FieldForm } from "./stored-fields.ts";

/** The matrix of a linear layer, which may be coded. */
export interface Layer {
  readonly matrix: DeclaredTensor;
  /** Null outside of the blocks. */
  readonly layer: number | null;
}

/** How a matrix is stored: where each of its fields lies, by name. */
export interface Coding {
  readonly matrix: DeclaredTensor;
  readonly format: Format;
  /** The form is null where the field does not fill words of the type that it lies in. */
  /** What fields must hold that nobody reads: by name, functions of the fields. */
  readonly must?: ReadonlyMap<string, Callable>;
  readonly fieldAt: (field: StoredField) => { readonly tensor: string; readonly form: FieldForm | null };
}

/** How weights are stored, by name; and which tensors beside them nobody reads. */
export interface Codings {
  readonly weights: ReadonlyMap<string, Coding>;
  readonly beside?: readonly string[];
  /** Whether other programs round activations, too. */
  readonly areActivations?: boolean;
}
