/** Tensors as a checkpoint stores them: what an architecture asks of one, and what the headers say of it. */
import type { Span } from "../../grammar/source.ts";
import { known } from "../language/size.ts";
import { type Dimension, volume } from "../language/tensor.ts";
import type { Pieces } from "../language/trace.ts";
import type { DType } from "../plan/dtype.ts";
import { weightType } from "../plan/stored-types.ts";
import type { Of } from "../problems/description.ts";
import type { WeightProblem } from "../problems/wording-weights.ts";
import type { ModelFacts } from "./facts.ts";

/** A tensor that an architecture reads; `{layer}` in the name stands for the block's number. */
export interface DeclaredTensor {
  readonly name: string;
  /** What the architecture calls it: a weight's name, or that of the layers whose matrices or biases it has. */
  readonly called: string;
  /** Those of each of its dimensions in the file, in order. */
  readonly dims: readonly (readonly Dimension[])[];
  readonly span: Span;
  /** A matrix that is stored [in, out]. */
  readonly isInFirst?: boolean;
  /** Of linear layers that lie in it one after the other. */
  readonly pieces?: Pieces;
  /** For a weight, how its dimensions could lie in one: `flat = (kv, head)`. */
  readonly parts?: string;
}

/** What the rows and the columns of a matrix are, whichever way round it is stored. */
export function sidesOf({ dims, isInFirst = false }: Pick<DeclaredTensor, "dims" | "isInFirst">): {
  readonly to: readonly Dimension[];
  readonly from: readonly Dimension[];
} {
  const [to = [], from = []] = isInFirst ? dims.toReversed() : dims;
  return { to, from };
}

/** What is wrong with a stored tensor. */
export type Fault = { readonly tensor: string; readonly span: Span } & (
  | { readonly kind: "missing" }
  | ({ readonly kind: "shape" } & Pick<Of<WeightProblem, "weight-shape">, "expected" | "found" | "parts" | "layers">)
  | { readonly kind: "type"; readonly dtype: string }
);

/** Which block's headers are at hand. */
interface At {
  readonly facts: ModelFacts | null;
  readonly layer: number | null;
}

/** The name of a stored tensor in the block at hand, or outside the blocks. */
export const tensorName = (name: string, layer: number | null): string => name.replaceAll("{layer}", String(layer));

export const isStored = ({ facts, layer }: At, name: string): boolean =>
  facts?.tensors.has(tensorName(name, layer)) === true;

/** A name as the checkpoint has it: one that was saved from the inner model lacks its first part, such as `model.`. */
export function storedPath(at: At, name: string): string {
  const inner = withoutFirst(name);
  return isStored(at, name) || !isStored(at, inner) ? name : inner;
}

/** The path of the layer, or of the table, whose weight a stored tensor is. */
export const pathOf = (weight: string): string => weight.replace(/\.weight$/, "");

/** A name without its first part. */
export const withoutFirst = (name: string): string => name.slice(name.indexOf(".") + 1);

/** The type that a tensor is stored in, if the checkpoint has it in the shape that the config says; else a fault is added. */
export function storedType(
  { facts, layer, faults }: At & { readonly faults: Fault[] },
  { name, dims, span, parts, pieces }: DeclaredTensor,
): DType | null {
  const tensor = tensorName(name, layer);
  const stored = facts?.tensors.get(tensor);
  if (!stored) {
    faults.push({ kind: "missing", tensor, span });
    return null;
  }
  const expected = dims.flatMap((of) => known(volume(of)) ?? []);
  if (expected.length < dims.length) return null;
  if (expected.length !== stored.shape.length || expected.some((n, i) => n !== stored.shape[i])) {
    faults.push({ kind: "shape", tensor, span, expected, found: stored.shape, parts, layers: pieces?.names });
    return null;
  }
  const dtype = weightType(stored.dtype);
  if (!dtype) faults.push({ kind: "type", tensor, span, dtype: stored.dtype });
  return dtype ?? null;
}
