/** What a model is known by before its weights are read. */
import { hash } from "./sha256.ts";

/** Its config.json, and what its files declare. */
interface Headers {
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: ReadonlyMap<string, { readonly dtype: string; readonly shape: readonly number[] }>;
}

/** The identity of a model by its headers: sha256 over the config and the tensors' names, types and shapes. */
export function headersOf({ config, tensors }: Headers): string {
  const declared = [...tensors].map(([tensor, { dtype, shape }]) => [tensor, dtype, shape]).sort();
  return hash(JSON.stringify([config, declared]));
}
