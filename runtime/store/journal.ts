/**
 * The journal of a store: a line for everything that happened in it, behind a hash of its own, by which a line that was torn or
 * damaged is known and counts for nothing.
 */
import type { StepIdentity } from "../../compiler/plan/step-keys.ts";
import { isJsonObject, parseJson } from "../io/file.ts";
import { sha256 } from "../io/hash.ts";
import type { TensorDeclaration } from "../io/safetensors.ts";

/** A step that has ended: equal keys, equal outputs. */
export interface StepRecord extends StepIdentity {
  /** Those that are durable. */
  readonly outputs: readonly OutputRecord[];
  /** Names of those that count what there should be, of which there was none. */
  readonly none?: readonly string[];
  /** That it took. */
  readonly seconds: number;
}

export interface OutputRecord extends TensorDeclaration {
  /** Of its bytes. */
  readonly sha256: string;
  /** Its bytes in base64 where they are few; others have a file. */
  readonly content?: string;
}

/** The content of a given tensor, by the file that it is in and by its place there. */
export interface GivenRecord {
  /** The stamp of the file. */
  readonly file: string;
  readonly offset: number;
  readonly sha256: string;
}

/** A run has begun. The steps that end are its own until another one begins. */
export interface RunRecord {
  readonly recipe: string;
  /** The keys of those of its steps that earlier runs have done. */
  readonly kept: readonly string[];
}

export type Entry =
  | { readonly done: StepRecord }
  /** An output that nothing will read again, or that was found damaged. */
  | { readonly gone: { readonly key: string; readonly output: string } }
  | { readonly given: GivenRecord }
  | { readonly run: RunRecord };

/** An entry as a line, with its end. */
export function showEntry(entry: Entry): string {
  const text = JSON.stringify(entry);
  return `${sealOf(text)} ${text}\n`;
}

/** The entries of a journal's text in their order. */
export const entriesIn = (journal: string): readonly Entry[] =>
  journal.split("\n").flatMap((line) => {
    const text = line.slice(sealLength + 1);
    if (line.slice(0, sealLength) !== sealOf(text)) return [];
    const entry = parseJson(text, "a line of a journal");
    return isEntry(entry) ? [entry] : [];
  });

const sealLength = 16;
const sealOf = (text: string): string => sha256(text).slice(0, sealLength);

/** A sealed line is one that lcomp wrote, of which the kind is told. */
const isEntry = (value: unknown): value is Entry =>
  isJsonObject(value) && ["done", "gone", "given", "run"].some((kind) => isJsonObject(value[kind]));
