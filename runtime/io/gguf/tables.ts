/**
 * What files of an architecture or with a kind of tokenizer mean, as tables of facts in `stdlib/gguf`: an architecture has one beside
 * its file of equations, by the name that GGUF gives it.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../package-root.ts";
import type { Arrangement } from "../arrangement.ts";
import type { JsonObject } from "../file.ts";

/** Keys of metadata stand without the architecture's name before them, tensors without `.weight` or `.bias`. */
export interface ArchitectureTable {
  /** Fields of config.json that are the same in all files. */
  readonly config: JsonObject;
  /** Fields with the keys that have their values. */
  readonly fields: Readonly<Record<string, string>>;
  /** Those that are left out where the key is. */
  readonly optional?: Readonly<Record<string, string>>;
  /** What keys that a file lacks mean. */
  readonly otherwise?: Readonly<Record<string, number>>;
  /** Fields that say whether there is a tensor. */
  readonly present?: Readonly<Record<string, string>>;
  /** A field with the kinds of all layers: each time the last of so many is `one`. */
  readonly layers?: {
    readonly field: string;
    readonly every: string;
    readonly one: string;
    readonly others: string;
  };
  /** What differs in the models of so many layers. */
  readonly by_layers?: Readonly<Record<string, JsonObject>>;
  /** The tensor of what rotary frequencies are divided by, and the kind of scaling that it comes of. */
  readonly frequencies?: { readonly tensor: string; readonly rope_type: string };
  readonly tensors: Readonly<Record<string, string>>;
  readonly arranged?: { readonly [kind in Arrangement["kind"]]?: readonly string[] };
}

/** Parts of a tokenizer.json and what is added around texts. */
interface Split {
  readonly definition: JsonObject;
  readonly model?: JsonObject;
  readonly adds?: Readonly<Partial<Record<"bos" | "eos", boolean>>>;
}

interface TokenizerKind extends Split {
  /** What tokens are merged by: a list of merges, or the tokens' scores. */
  readonly pieces: "merges" | "scores";
  /** The ids of special tokens that a file does not name. */
  readonly special: Readonly<Partial<Record<string, number>>>;
  /** Further parts where a space is put before texts, and where not. */
  readonly with_space?: JsonObject;
  readonly without_space?: JsonObject;
}

export interface TokenizerTable {
  readonly kinds: Readonly<Record<string, TokenizerKind>>;
  /** How texts are split, by the names in `tokenizer.ggml.pre`; a text names another one that is the same. */
  readonly splits: Readonly<Record<string, Split | string>>;
}

/** How a tensor is stored: `block` weights in `bytes` bytes. */
export interface TensorType {
  readonly name: string;
  readonly block: number;
  readonly bytes: number;
  /** What a file says that most of its matrices are of this type. */
  readonly file?: number;
  /** The module of the library that declares it as a format of its name. */
  readonly format?: string;
}

const folder = join(packageRoot, "stdlib/gguf");
const [tokenizers, types] = ["tokenizers", "types"] as const;

const tables = new Map<string, unknown>();

/** A table, which is read once. */
function readTable(name: string): unknown {
  const table = tables.get(name) ?? JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8"));
  tables.set(name, table);
  return table;
}

const isArchitecture = (name: string): boolean => name !== tokenizers && name !== types;

/** The architectures that there are tables for. */
export const knownArchitectures = (): readonly string[] =>
  readdirSync(folder)
    .map((file) => file.replace(/\.json$/, ""))
    .filter(isArchitecture)
    .sort();

/** The table of an architecture, if there is one. */
export function architectureTable(name: string): ArchitectureTable | undefined {
  const isKnown = /^[\w-]+$/.test(name) && isArchitecture(name) && existsSync(join(folder, `${name}.json`));
  return isKnown ? (readTable(name) as ArchitectureTable) : undefined;
}

export const tokenizerTable = (): TokenizerTable => readTable(tokenizers) as TokenizerTable;

/** Types of tensors by their numbers. */
export const typeTable = (): Readonly<Record<string, TensorType>> => readTable(types) as Record<string, TensorType>;
