/** What the entries of a journal say together, and what is there of it. */
import type { StoredTensor } from "../io/safetensors.ts";
import { declaredBytes } from "../io/safetensors-writer.ts";
import type { Entry, GivenRecord, OutputRecord, StepRecord } from "./journal.ts";

export interface StoreIndex {
  readonly add: (entry: Entry) => void;
  /** All that have ended, in their order: of a step that was repeated, each time. */
  readonly records: () => readonly StepRecord[];
  /** The newest of that key, with those of its outputs that are there. */
  readonly find: (key: string) => StepRecord | undefined;
  /** How many outputs that are there have this content. */
  readonly uses: (sha256: string) => number;
  /** Of all contents. */
  readonly bytes: () => number;
  /** By recipe: the keys of the steps of its newest run, which have ended in it or before. */
  readonly runs: () => ReadonlyMap<string, ReadonlySet<string>>;
  /** All given tensors that were read. */
  readonly given: () => readonly GivenRecord[];
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
  const given = new Map<string, GivenRecord>();
  const files = new Set<string>();
  let bytes = 0;
  const runs = new Map<string, Set<string>>();
  let current = new Set<string>();
  const count = ({ outputs }: StepRecord, by: 1 | -1): void => {
    for (const output of outputs) {
      const [before, { sha256 }] = [uses.get(output.sha256) ?? 0, output];
      uses.set(sha256, before + by);
      if (Math.min(before, before + by) === 0) bytes += by * declaredBytes(output);
    }
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
        given.set(placeOf(entry.given), entry.given);
        files.add(entry.given.file);
      } else if ("done" in entry) {
        all.push(entry.done);
        current.add(entry.done.key);
        replace(entry.done);
      } else if ("run" in entry) {
        current = new Set(entry.run.kept);
        runs.set(entry.run.recipe, current);
      } else {
        const record = newest.get(entry.gone.key);
        if (record !== undefined) replace(without(record, entry.gone.output));
      }
    },
    records: () => all,
    find: (key) => newest.get(key),
    uses: (sha256) => uses.get(sha256) ?? 0,
    bytes: () => bytes,
    runs: () => runs,
    given: () => [...given.values()],
    hashOf: ({ stamp, offset }) => given.get(placeOf({ file: stamp, offset }))?.sha256,
    knowsFileOf: ({ stamp }) => files.has(stamp),
  };
}

const placeOf = ({ file, offset }: { readonly file: string; readonly offset: number }): string => `${file} ${offset}`;

const without = (record: StepRecord, output: string): StepRecord => ({
  ...record,
  outputs: record.outputs.filter(({ name }: OutputRecord) => name !== output),
});
