/** Tensors of given models: hashed when they are first read, which is before they are first used, and compared with the plan. */
import type { Plan } from "../../compiler/plan/plan.ts";
import type { Piece } from "../gpu/readback.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import { hashing } from "../io/hash.ts";
import type { StoredTensor } from "../io/safetensors.ts";
import { byText } from "../io/safetensors-writer.ts";
import { UserError } from "../user-error.ts";
import { finitePieces } from "./stored-tensors.ts";

/** By model, then by tensor: the sha256 of its bytes. */
export type TensorHashes = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface GivenTensors {
  /** The bytes of a model's tensor, in order. */
  readonly pieces: (model: string, tensor: StoredTensor) => AsyncGenerator<Piece>;
  /** Of all that has been read, in order of their names. */
  readonly hashes: () => TensorHashes;
}

export function givenTensors({ models }: Pick<Plan, "models">): GivenTensors {
  const read = new Map<string, Map<string, string>>();
  const expected = new Map(models.map(({ name, contents = {} }) => [name, new Map(Object.entries(contents))]));
  async function* first(model: string, tensor: StoredTensor): AsyncGenerator<Piece> {
    const hash = hashing();
    for await (const piece of finitePieces(tensor)) {
      hash.update(piece.piece);
      yield piece;
    }
    const found = hash.digest("hex");
    const wanted = expected.get(model)?.get(tensor.name);
    if (wanted !== undefined && wanted !== found) throw otherContent(tensor);
    read.set(model, (read.get(model) ?? new Map<string, string>()).set(tensor.name, found));
  }
  return {
    pieces: (model, tensor) => (read.get(model)?.has(tensor.name) ? finitePieces(tensor) : first(model, tensor)),
    hashes: () => inOrder([...read].map(([model, hashes]) => [model, inOrder([...hashes])])),
  };
}

/** The content hashes of all tensors of models, by the models' names. */
export async function hashesOf(models: ReadonlyMap<string, Checkpoint>): Promise<TensorHashes> {
  const { pieces, hashes } = givenTensors({ models: [] });
  for (const [model, { tensors }] of models)
    for (const tensor of tensors.values()) for await (const _ of pieces(model, tensor));
  return hashes();
}

const otherContent = ({ name, path }: StoredTensor): UserError =>
  new UserError(`tensor ${name} in ${path} is not the one that the plan was made for; give that model, or plan again`);

const inOrder = <T>(entries: readonly (readonly [string, T])[]): Readonly<Record<string, T>> =>
  Object.fromEntries([...entries].sort(([a], [b]) => byText(a, b)));
