/** Coded weights as the numbers that they stand for, in the types and the order that their tensors had. */
import type { Graph } from "../graph/graph.ts";
import { slotNames } from "../graph/slots.ts";
import { readCoded } from "../model/coded-matrix.ts";
import { type DeclaredTensor, tensorName } from "../model/declared-tensor.ts";
import type { CodedFacts } from "../model/facts.ts";
import { orderNode } from "../model/linear.ts";
import { dtypeOf, type Model, type ModelType, partsOf, storedNames } from "../model/value.ts";
import type { Check, Ref, StepPart } from "../plan/step.ts";
import { codedAs } from "./forward-graphs.ts";
import { addStep, type Emitting } from "./steps.ts";

/** The model with all its weights as numbers. */
export function decodedModel(
  at: Emitting,
  model: Model,
  type: ModelType,
  place: Pick<StepPart, "stage" | "of" | "purpose">,
): Model {
  const made = decodedWeights(at, model, place);
  const codes = new Set([...made.keys()].flatMap((tensor) => storedNames(model.type, tensor)));
  const others = [...model.at].filter(([name]) => !codes.has(name));
  return { ...model, type, at: new Map([...others, ...made]) };
}

/** Adds a step for each coded weight but some; gives where they are, by the names of their tensors. */
export function decodedWeights(
  at: Emitting,
  model: Model,
  place: Pick<StepPart, "stage" | "of" | "purpose">,
  but: { readonly has: (tensor: string) => boolean } = new Set<string>(),
): ReadonlyMap<string, Ref> {
  const decode = decoder(at, model, place);
  return new Map(
    partsOf(model.type).flatMap(({ layer, weights }) =>
      weights.flatMap((weight) => {
        const made = but.has(tensorName(weight.name, layer)) ? null : decode(weight, layer);
        return made ? [[tensorName(weight.name, layer), made] as const] : [];
      }),
    ),
  );
}

/** Adds the step that decodes a weight, once; null for one that is stored as numbers. */
export function decoder(
  at: Emitting,
  model: Model,
  place: Pick<StepPart, "stage" | "of" | "purpose">,
): (weight: DeclaredTensor, layer: number | null) => Ref | null {
  const graphs = new Map<string, Graph>();
  const made = new Map<string, Ref>();
  return (weight, layer) => {
    const tensor = tensorName(weight.name, layer);
    const coded = model.type.facts?.tensors.get(tensor)?.coded;
    const graph = coded && graphOf(at, graphs, model, tensor, weight, coded);
    const old = made.get(tensor);
    if (old || !coded || !graph) return old ?? null;
    const fields = coded.fields.map(({ name }) => [name, model.at.get(slotNames.field(tensor, name))] as const);
    const others = new Map(
      fields.flatMap(([name, ref]) => (ref ? [[slotNames.field(slotNames.weight, name), ref]] : [])),
    );
    const otherwise = `codes of ${tensor} stand for NaN, or for more than ${dtypeOf(model.type, tensor)} holds; look at the method's scales`;
    const finite: Check = { output: slotNames.result, must: "finite", otherwise };
    const part = { ...place, layer, what: weight.called };
    const ref = addStep(at, graph, { model, layer, others }, part, [finite])(slotNames.result);
    made.set(tensor, ref);
    return ref;
  };
}

/** Weights of one size in one format share a graph. */
function graphOf(
  { context, maker }: Emitting,
  graphs: Map<string, Graph>,
  { type }: Model,
  tensor: string,
  { isInFirst = false, span }: DeclaredTensor,
  coded: CodedFacts,
): Graph | null {
  const { shape = [] } = type.facts?.tensors.get(tensor) ?? {};
  const dtype = dtypeOf(type, tensor);
  const key = [codedAs(coded), dtype, isInFirst, ...shape].join(" ");
  const old = graphs.get(key);
  if (old) return old;
  const weight = readCoded(context, coded, slotNames.weight, span);
  if (!weight) return null;
  const node = orderNode(maker, weight.node, isInFirst ? ["in", "out"] : ["out", "in"], span);
  const graph = maker.graph("decode", [{ name: slotNames.result, node, store: dtype }]);
  graphs.set(key, graph);
  return graph;
}
