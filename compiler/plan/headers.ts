/** What a model is known by before its weights are read. */
import { hash } from "./sha256.ts";

/** Its config.json, that of an adapter beside it, and what its files declare. */
interface Headers {
  readonly config: Readonly<Record<string, unknown>>;
  readonly adapter?: Readonly<Record<string, unknown>>;
  readonly tensors: ReadonlyMap<string, { readonly dtype: string; readonly shape: readonly number[] }>;
}

/** The identity of a model by its headers: sha256 over the configs and the tensors' names, types and shapes. */
export function headersOf({ config, adapter, tensors }: Headers): string {
  const declared = [...tensors].map(([tensor, { dtype, shape }]) => [tensor, dtype, shape]).sort();
  return hash(JSON.stringify([config, declared, ...(adapter ? [adapter] : [])]));
}
