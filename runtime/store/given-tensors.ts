/** Tensors of given models: hashed when they are first read, which is before they are first used, and compared with the plan. */
import type { PlainRef } from "../../compiler/plan/lifetimes.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import type { Piece } from "../gpu/readback.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import { hashing } from "../io/hash.ts";
import type { StoredTensor } from "../io/safetensors.ts";
import { byText } from "../io/safetensors-writer.ts";
import { UserError } from "../user-error.ts";
import { finitePieces, piecesOf, type TensorSource } from "./send-tensor.ts";
import type { StoreFolder } from "./store-folder.ts";

/** By model, then by tensor: the sha256 of its bytes. */
export type TensorHashes = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A reference to a tensor of a given model. */
export type GivenRef = Extract<PlainRef, { readonly tensor: string }>;

/** Where hashes of tensors are remembered, by their files. */
type HashMemory = Pick<StoreFolder, "hashOf" | "rememberHash">;

export interface GivenTensors {
  /** Whether a model is given yet: one that is saved is, from then on. */
  readonly isThere: (model: string) => boolean;
  readonly find: (ref: GivenRef) => StoredTensor;
  /** The tensor to be read, by which it counts as used. */
  readonly source: (ref: GivenRef) => TensorSource;
  /** Its sha256, for which it is read if nobody has. It counts as used only if that is said. */
  readonly hash: (ref: GivenRef, options: { readonly isUsed: boolean }) => Promise<string>;
  /** Of all that is used, in order of their names. */
  readonly hashes: () => TensorHashes;
}

export function givenTensors(
  plan: Pick<Plan, "models">,
  models: ReadonlyMap<string, Checkpoint>,
  memory: HashMemory,
): GivenTensors {
  const used = new Map<string, Map<string, string>>();
  const expected = new Map(plan.models.map(({ name, contents = {} }) => [name, new Map(Object.entries(contents))]));
  const find = ({ model, tensor: name }: GivenRef): StoredTensor => {
    const tensor = models.get(model)?.tensors.get(name);
    if (tensor === undefined) throw new UserError(`the plan was made for another model: this one has no ${name}`);
    return tensor;
  };
  const use = (ref: GivenRef, sha256: string): void => {
    const wanted = expected.get(ref.model)?.get(ref.tensor);
    if (wanted !== undefined && wanted !== sha256) throw otherContent(find(ref));
    used.set(ref.model, (used.get(ref.model) ?? new Map<string, string>()).set(ref.tensor, sha256));
  };
  async function* pieces(ref: GivenRef): AsyncGenerator<Piece> {
    const tensor = find(ref);
    const known = memory.hashOf(tensor);
    if (known !== undefined) use(ref, known);
    const hash = hashing();
    for await (const piece of finitePieces(tensor)) {
      if (known === undefined) hash.update(piece.piece);
      yield piece;
    }
    if (known !== undefined) return;
    const found = hash.digest("hex");
    use(ref, found);
    memory.rememberHash(tensor, found);
  }
  return {
    isThere: (model) => models.has(model),
    find,
    source: (ref) => ({ ...find(ref), pieces: () => pieces(ref) }),
    hash: async (ref, { isUsed }) => {
      const tensor = find(ref);
      const known = memory.hashOf(tensor);
      const sha256 = known ?? (await hashOf(tensor));
      if (known === undefined) memory.rememberHash(tensor, sha256);
      if (isUsed) use(ref, sha256);
      return sha256;
    },
    hashes: () => inOrder([...used].map(([model, hashes]) => [model, inOrder([...hashes])])),
  };
}

/** The sha256 of a tensor, which is read for that. */
async function hashOf(tensor: StoredTensor): Promise<string> {
  const hash = hashing();
  for await (const { piece } of piecesOf(tensor)) hash.update(piece);
  return hash.digest("hex");
}

/** The content hashes of all tensors of models, by the models' names. */
export async function hashesOf(models: ReadonlyMap<string, Checkpoint>): Promise<TensorHashes> {
  const all: (readonly [string, TensorHashes[string]])[] = [];
  for (const [model, { tensors }] of models) {
    const hashes: (readonly [string, string])[] = [];
    for (const [name, tensor] of tensors) hashes.push([name, await hashOf(tensor)]);
    all.push([model, inOrder(hashes)]);
  }
  return inOrder(all);
}

const otherContent = ({ name, path }: StoredTensor): UserError =>
  new UserError(`tensor ${name} in ${path} is not the one that the plan was made for; give that model, or plan again`);

const inOrder = <T>(entries: readonly (readonly [string, T])[]): Readonly<Record<string, T>> =>
  Object.fromEntries([...entries].sort(([a], [b]) => byText(a, b)));
