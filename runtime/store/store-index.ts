/** What the entries of a journal say together, and what is there of it. */
import type { StoredTensor } from "../io/safetensors.ts";
import type { Entry, OutputRecord, StepRecord } from "./journal.ts";

export interface StoreIndex {
  readonly add: (entry: Entry) => void;
  /** All that have ended, in their order: of a step that was repeated, each time. */
  readonly records: () => readonly StepRecord[];
  /** The newest of that key, with those of its outputs that are there. */
  readonly find: (key: string) => StepRecord | undefined;
  /** How many outputs that are there have this content. */
  readonly uses: (sha256: string) => number;
  /** The sha256 of a given tensor, where it was read before. */
  readonly hashOf: (tensor: StoredTensor) => string | undefined;
  /** Whether any tensor of its file was read before. */
  readonly knowsFileOf: (tensor: StoredTensor) => boolean;
}

/** An index over nothing. */
export function storeIndex(): StoreIndex {
  const all: StepRecord[] = [];
  const newest = new Map<string, StepRecord>();
  const uses = new Map<string, number>();
  const hashes = new Map<string, string>();
  const files = new Set<string>();
  const count = ({ outputs }: StepRecord, by: number): void => {
    for (const { sha256 } of outputs) uses.set(sha256, (uses.get(sha256) ?? 0) + by);
  };
  /** Puts a record in the place of the one before. */
  const replace = (record: StepRecord): void => {
    const before = newest.get(record.key);
    if (before !== undefined) count(before, -1);
    newest.set(record.key, record);
    count(record, 1);
  };
  return {
    add: (entry) => {
      if ("given" in entry) {
        hashes.set(placeOf(entry.given), entry.given.sha256);
        files.add(entry.given.file);
      } else if ("done" in entry) {
        all.push(entry.done);
        replace(entry.done);
      } else {
        const record = newest.get(entry.gone.key);
        if (record !== undefined) replace(without(record, entry.gone.output));
      }
    },
    records: () => all,
    find: (key) => newest.get(key),
    uses: (sha256) => uses.get(sha256) ?? 0,
    hashOf: ({ stamp, offset }) => hashes.get(placeOf({ file: stamp, offset })),
    knowsFileOf: ({ stamp }) => files.has(stamp),
  };
}

const placeOf = ({ file, offset }: { readonly file: string; readonly offset: number }): string => `${file} ${offset}`;

const without = (record: StepRecord, output: string): StepRecord => ({
  ...record,
  outputs: record.outputs.filter(({ name }: OutputRecord) => name !== output),
});
