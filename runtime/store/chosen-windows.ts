/** The windows of texts that a plan goes over. */
import type { WindowsRecord } from "../../compiler/plan/plan.ts";
import { sample, type Windows, windows } from "../io/corpus.ts";
import { hashing } from "../io/hash.ts";

/** The token ids of a corpus, split by split. */
export type Tokens = Readonly<Partial<Record<WindowsRecord["split"], Int32Array>>>;

export function chosenWindows(
  { corpus, split, length, count, seed }: WindowsRecord,
  corpora: ReadonlyMap<string, Tokens>,
): Windows {
  const tokens = corpora.get(corpus)?.[split];
  if (tokens === undefined) throw new Error(`the run was given no ${corpus}.${split}`);
  const text = { path: `${corpus}.${split}`, tokens };
  return seed === null ? windows(text, length, count) : sample(text, count, length, seed);
}

/** The sha256 of their token ids (int32, little-endian), one window after the other. */
export function hashWindows(record: WindowsRecord, corpora: ReadonlyMap<string, Tokens>): string {
  const { at } = chosenWindows(record, corpora);
  const hash = hashing();
  for (let window = 0; window < record.count; window++) hash.update(at(window));
  return hash.digest("hex");
}
