/**
 * What files of an architecture or with a kind of tokenizer mean, as tables of facts in `stdlib/gguf`: an architecture has one beside
 * its file of equations, by the name that GGUF gives it, or one of its own where GGUF calls two architectures the same.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../package-root.ts";
import type { JsonObject } from "../file.ts";

/** How tensors lie in a file: rows of a head in pairs, q, k and v of all heads one after the other, a matrix turned, a norm plus 1. */
type Arranged = "paired" | "thirds" | "transposed" | "above-by-one";

/** Keys of metadata stand without the architecture's name before them, tensors of a list without `.weight` or `.bias`. */
export interface ArchitectureTable {
  /** What GGUF calls it, if not as the table is called. */
  readonly architecture?: string;
  /** Fields of config.json that are the same in all files. */
  readonly config: JsonObject;
  /** What fields mean to Transformers that a config.json lacks, where files do not say the same by lacking them. */
  readonly usual?: JsonObject;
  /** Other names of fields. */
  readonly names?: Readonly<Record<string, string>>;
  /** Fields with the keys that have their values. */
  readonly fields: Readonly<Record<string, string>>;
  /** Those that are null where the key has 0. */
  readonly null_for_zero?: Readonly<Record<string, string>>;
  /** Those that are true or false. */
  readonly flags?: Readonly<Record<string, string>>;
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
  /** The field that says which share of a head turns with its position; without one, all of it does. */
  readonly turned?: string;
  /** The tensor of what rotary frequencies are divided by, and the kind of scaling that it comes of. */
  readonly frequencies?: { readonly tensor: string; readonly rope_type: string };
  /** Fields of a scaling whose lists are tensors, and the names of its kind. */
  readonly factors?: {
    readonly rope_types: readonly [string, ...string[]];
    readonly tensors: Readonly<Record<string, string>>;
  };
  /** Which tensors the programs that read such files demand, and which they do not know. */
  readonly needs?: Readonly<Record<string, boolean>>;
  readonly tensors: Readonly<Record<string, string>>;
  readonly arranged?: { readonly [kind in Arranged]?: readonly string[] };
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

/** An architecture as GGUF calls it. */
export interface Architecture {
  readonly name: string;
  readonly table: ArchitectureTable;
}

/** The architectures that there are tables for. */
export const knownArchitectures = (): readonly Architecture[] =>
  readdirSync(folder)
    .map((file) => file.replace(/\.json$/, ""))
    .filter(isArchitecture)
    .sort()
    .map((file) => {
      const table = readTable(file) as ArchitectureTable;
      return { name: table.architecture ?? file, table };
    });

/** The table of an architecture, if there is one: of several the first of files with experts, or of those without. */
export function architectureTable(name: string, hasExperts: boolean): ArchitectureTable | undefined {
  const [first, ...others] = knownArchitectures().filter((each) => each.name === name);
  const found =
    others.length === 0 ? first : [first, ...others].find((each) => each && namesExperts(each.table) === hasExperts);
  return found?.table;
}

const namesExperts = ({ fields }: ArchitectureTable): boolean => Object.values(fields).includes("expert_count");

export const tokenizerTable = (): TokenizerTable => readTable(tokenizers) as TokenizerTable;

/** Types of tensors by their numbers. */
export const typeTable = (): Readonly<Record<string, TensorType>> => readTable(types) as Record<string, TensorType>;
