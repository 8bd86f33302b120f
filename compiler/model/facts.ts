/** What the compiler is told about the world: headers and counts, never weights or text. */
import type { StoredField } from "../language/fields.ts";
import type { Callable, Format } from "../language/value.ts";
import type { Split, TaskFacts, TaskPart } from "../plan/plan.ts";

export interface ModelFacts {
  /** How messages name it: the folder as given. */
  readonly name: string;
  readonly config: { readonly [key: string]: unknown };
  /** The config of the adapter that lies in a folder beside the weights, if one does; its tensors are among the others. */
  readonly adapter?: { readonly [key: string]: unknown };
  /** Whether an adapter lies among the files of the weights themselves, which is not applied. */
  readonly hasAdapterBeside?: boolean;
  readonly tensors: ReadonlyMap<string, TensorFacts>;
}

export interface TensorFacts {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
  /** How it is stored, if not as numbers; type and shape are then those of the weight that it stands for. */
  readonly coded?: CodedFacts;
}

export interface CodedFacts {
  readonly format: Format;
  readonly fields: readonly CodedField[];
}

/** Where codes were given and not made by a stage, with the tensor of the model's files that holds the field, and what it must hold. */
export type CodedField = StoredField & { readonly tensor?: string; readonly must?: Callable };

/** What config.json calls the model: the first of its architectures, and its type. */
export function namesOf({ config }: Pick<ModelFacts, "config">): {
  readonly architecture?: string;
  readonly type?: string;
} {
  const { architectures, model_type: type } = config;
  const [first]: readonly unknown[] = Array.isArray(architectures) ? architectures : [architectures];
  return {
    ...(typeof first === "string" && first !== "" && { architecture: first }),
    ...(type !== undefined && type !== null && { type: String(type) }),
  };
}

/** `llama` for `LlamaForCausalLM` and `LlamaModel`. */
export const familyOf = (architecture: string): string =>
  architecture.replace(/(For[A-Z]\w*|LMHeadModel|Model)$/, "").toLowerCase();

/** Bytes of a model's stored tensors. */
export const bytesOf = ({ tensors }: ModelFacts): number =>
  [...tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0);

/** Tokens in each split of a text that is used, or in each part of a task, and their sha256. */
export interface CorpusFacts {
  readonly tokens: { readonly [split in Split | TaskPart]?: number };
  readonly hashes?: { readonly [split in Split | TaskPart]?: string };
  /** Set of a task. */
  readonly task?: TaskFacts;
}
