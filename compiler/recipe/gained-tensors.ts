/** Tensors that a model gets where it had none: zeros, as steps. */
import type { Graph } from "../graph/graph.ts";
import { slotNames } from "../graph/slots.ts";
import { zerosAlong } from "../language/operations.ts";
import { tensorName } from "../model/declared-tensor.ts";
import { dtypeOf, type ModelType, partsOf } from "../model/value.ts";
import type { Ref, StepPart } from "../plan/step.ts";
import { addStep, type Emitting } from "./steps.ts";

/** The model as another type of it, whose tensors that it has not are 0: they join those that are there. */
export function withGained<Given extends { readonly type: ModelType; readonly at: Map<string, Ref> }>(
  at: Emitting,
  given: Given,
  type: ModelType,
  part: Pick<StepPart, "stage" | "of">,
): Given {
  const before = new Set(tensorsOf(given.type));
  for (const tensor of tensorsOf(type).filter((each) => !before.has(each))) {
    const graph = zeros(at, type, tensor, type.facts?.tensors.get(tensor)?.shape ?? []);
    const made = addStep(at, graph, { model: { at: new Map() }, layer: null }, { ...part, layer: null, what: tensor });
    given.at.set(tensor, made(slotNames.result));
  }
  return { ...given, type };
}

/** The tensors that a forward pass reads. */
const tensorsOf = (type: ModelType): readonly string[] =>
  partsOf(type).flatMap(({ layer, weights }) => weights.map(({ name }) => tensorName(name, layer)));

function zeros({ maker }: Emitting, type: ModelType, tensor: string, shape: readonly number[]): Graph {
  const { span } = type.arch.declaration;
  const dims = shape.map((size, i) => ({ name: `dimension ${i}`, size }));
  const node = maker.make("cast", [zerosAlong(maker, dims, span)], { dtype: "f32" }, span);
  return maker.graph("zeros", [{ name: slotNames.result, node, store: dtypeOf(type, tensor) }]);
}
