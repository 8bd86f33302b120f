/** What the compiler is told about the world: headers and counts, never weights or text. */
import type { Split } from "../plan/plan.ts";

export interface ModelFacts {
  /** How messages name it: the folder as given. */
  readonly name: string;
  readonly config: { readonly [key: string]: unknown };
  readonly tensors: ReadonlyMap<
    string,
    { readonly dtype: string; readonly shape: readonly number[]; readonly bytes: number }
  >;
}

/** Bytes of a model's stored tensors. */
export const bytesOf = ({ tensors }: ModelFacts): number =>
  [...tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0);

/** Tokens in each split of a text that is used, and their sha256. */
export interface CorpusFacts {
  readonly tokens: { readonly [split in Split]?: number };
  readonly hashes?: { readonly [split in Split]?: string };
}
