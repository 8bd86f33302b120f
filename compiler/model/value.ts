/** A model as a value: what it is, part by part, and where each of its tensors comes from. */
import type * as Ast from "../../grammar/ast.ts";
import { slotNames } from "../graph/slots.ts";
import { fixed, known, type Size } from "../language/size.ts";
import type { Linear } from "../language/trace.ts";
import type { Architecture, Scope } from "../language/value.ts";
import type { Float } from "../plan/dtype.ts";
import type { Ref } from "../plan/step.ts";
import { weightType } from "../plan/stored-types.ts";
import type { DeclaredTensor, Fault } from "./declared-tensor.ts";
import type { CodedFacts, ModelFacts } from "./facts.ts";

/** An architecture bound to a config and to headers, or to symbolic sizes; it says nothing of where tensors lie. */
export interface ModelType {
  readonly arch: Architecture;
  /** Null while no model is given. */
  readonly facts: ModelFacts | null;
  /** What lies outside of the blocks. Its scope has the dimensions of the whole model. */
  readonly outside: Part;
  /** One kind after the other, as a forward pass goes through them. */
  readonly blocks: readonly Blocks[];
  /** Something is wrong with config.json or a stored tensor, which was said. */
  readonly isFaulty: boolean;
}

/** Blocks of one kind, numbered on from those before them. */
export interface Blocks {
  readonly declaration: Ast.Blocks;
  readonly from: Size;
  /** The number behind the last. */
  readonly to: Size;
  /** The block of that number, each with its own dimensions and stored types. */
  readonly part: (layer: number) => Part;
}

/** What runs at once: a block, or what lies outside of them. */
export interface Part {
  /** Null outside of the blocks. */
  readonly layer: number | null;
  /** What it computes depends on the number of the block. */
  readonly readsNumber: boolean;
  readonly scope: Scope;
  readonly forward: Ast.Fn | null;
  readonly linears: readonly Linear[];
  /** Matrices of which rows are picked, but for those that a linear layer shares. */
  readonly tables: readonly Linear[];
  /** The tensors that it reads, as the checkpoint stores them. */
  readonly weights: readonly DeclaredTensor[];
  /** Biases that config.json says are not there, for the case that they are stored. */
  readonly leftOut: readonly string[];
  /** What is wrong with the headers of its tensors. */
  readonly faults: readonly Fault[];
  readonly isFaulty: boolean;
}

/** A model given to a recipe, or what a stage makes of one. */
export interface Model {
  /** The parameter's or the stage's name. */
  readonly name: string;
  /** The name of the given model that it began as. */
  readonly origin: string;
  readonly type: ModelType;
  /** By tensors' names, in the order of the origin's files. */
  readonly at: ReadonlyMap<string, Ref>;
}

/** A model as it is given. */
export const givenModel = (name: string, type: ModelType): Model => ({
  name,
  origin: name,
  type,
  at: new Map(
    [...(type.facts?.tensors ?? [])].flatMap(([tensor, { coded }]) =>
      coded ? fieldsAt(name, tensor, coded) : [[tensor, { model: name, tensor }] as const],
    ),
  ),
});

const fieldsAt = (model: string, weight: string, { fields }: CodedFacts): readonly (readonly [string, Ref])[] =>
  fields.map(({ name, tensor = "" }) => [slotNames.field(weight, name), { model, tensor }]);

/** How many blocks a model has; 0 while that is unknown. */
export const layersOf = ({ blocks }: ModelType): number => known(blocks.at(-1)?.to ?? fixed(0)) ?? 0;

/** Whether a block of that number is of this kind. */
export const isOf = ({ from, to }: Blocks, layer: number): boolean =>
  layer >= (known(from) ?? 0) && layer < (known(to) ?? 0);

/** The block of that number. */
export const blockOf = ({ blocks }: ModelType, layer: number): Part | undefined =>
  blocks.find((kind) => isOf(kind, layer))?.part(layer);

/** The first block of each kind of which the model has any, or, while that is unknown, may have. */
export const firstBlocks = (blocks: readonly Blocks[]): readonly Part[] =>
  blocks.flatMap(({ from, to, part }) => {
    const first = known(from) ?? 0;
    return first === known(to) ? [] : [part(first)];
  });

/** The type that a tensor is stored in. */
export const dtypeOf = ({ facts }: ModelType, tensor: string): Float =>
  weightType(facts?.tensors.get(tensor)?.dtype ?? "") ?? "f32";

/** Under which names a weight is in a model: its own, or those of the fields of its format. */
export function storedNames({ facts }: ModelType, tensor: string): readonly string[] {
  const coded = facts?.tensors.get(tensor)?.coded;
  return coded ? coded.fields.map(({ name }) => slotNames.field(tensor, name)) : [tensor];
}

/** Every block in order, then what lies outside. */
export const partsOf = (type: ModelType): readonly Part[] => [
  ...Array.from({ length: layersOf(type) }, (_, layer) => blockOf(type, layer) ?? []).flat(),
  type.outside,
];
