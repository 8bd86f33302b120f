/** Stored tensors that edits of what a forward pass reads change, as steps: each by itself, or with others that lie in it. */
import type { Graph } from "../graph/graph.ts";
import type { Node } from "../graph/ops.ts";
import { slotNames } from "../graph/slots.ts";
import { count } from "../graph/type.ts";
import { ids } from "../language/tensor.ts";
import { type DeclaredTensor, tensorName } from "../model/declared-tensor.ts";
import type { Edit } from "../model/fold.ts";
import { orderNode } from "../model/linear.ts";
import { joined, readOf } from "../model/pieces.ts";
import { dtypeOf } from "../model/value.ts";
import type { Check, Ref } from "../plan/step.ts";
import { zerosIn } from "./finite.ts";
import type { Changing, StageOnPart } from "./part-work.ts";
import { addStep } from "./steps.ts";

/** A stored tensor that edits change, and what becomes of it. */
export interface Edited {
  readonly tensor: DeclaredTensor;
  readonly graph: Graph;
  readonly count: number;
}

/** What edits make of a stored tensor, which is stored as `to`; null if they leave it as it is. */
export function editedBy(
  on: Pick<StageOnPart, "at" | "type" | "layer">,
  tensor: DeclaredTensor,
  edits: readonly Edit[],
  to = tensor,
): Edited | null {
  const { maker } = on.at;
  const { name, pieces, span } = tensor;
  const read = readOf(on.at.maker, on.type, on.layer, tensor);
  if (!edits.some(({ weight }) => read.includes(weight))) return null;
  const made = read.map((weight) =>
    edits.reduce((value, edit) => (edit.weight === weight ? edit.change(value) : value), weight),
  );
  const rows = made.map((node, i) => ({ node, rows: ids(pieces?.of[i] ?? []) }));
  const whole = pieces ? joined(maker, rows, pieces, span) : (made[0] as Node);
  const order = ids(to.dims.flat());
  const store = dtypeOf(on.type, tensorName(name, on.layer));
  const result = { name: slotNames.result, node: orderNode(maker, whole, order, span), store };
  const zeros = isMatrix(to) ? [zerosIn(maker, whole, order)] : [];
  const graph = maker.graph("edit", [result, ...zeros]);
  return { tensor: to, graph, count: count(whole.type) };
}

/** Whether zeros of a tensor are of a matrix: gains of norms and biases are not what stages make 0. */
const isMatrix = ({ dims }: DeclaredTensor): boolean => dims.length > 1;

/** Adds the steps that change stored tensors, which read `others`; what is not finite is said with `otherwise`. */
export function changeEdited(
  { at, source, stage, number, now, layer }: Omit<Changing, "others" | "collected">,
  edited: readonly Edited[],
  others: ReadonlyMap<string, Ref>,
  otherwise: string,
): void {
  const finite: Check = { output: slotNames.result, must: "finite", otherwise };
  for (const { tensor, graph, count: of } of edited) {
    const name = tensorName(tensor.name, layer);
    const changes = {
      tensor: name,
      of,
      outputs: [slotNames.result],
      ...(isMatrix(tensor) && { zeros: slotNames.zeros }),
    };
    const part = { stage: number, of: stage.name, layer, what: tensor.called, changes };
    now.set(name, addStep(at, graph, { model: source, layer, others }, part, [finite])(slotNames.result));
  }
}
