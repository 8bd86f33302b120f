/** The rotations of a method on blocks, as steps: each matrix, then every tensor that is turned. */
import type { Maker } from "../graph/make.ts";
import type { Node } from "../graph/ops.ts";
import { slotNames } from "../graph/slots.ts";
import { graphDim, ids } from "../language/tensor.ts";
import { orderNode } from "../model/linear.ts";
import { type Model, partsOf } from "../model/value.ts";
import type { Ref, StepPart } from "../plan/step.ts";
import type { Rotated } from "./check-rotation.ts";
import { changeEdited, editedBy } from "./edited.ts";
import { howMany, unsound } from "./finite.ts";
import type { Rotation } from "./method-on-blocks.ts";
import { addStep, type Emitting } from "./steps.ts";
import type { TypedStage } from "./typed.ts";

/** Where every tensor of the rotated model is, in any order. */
export function emitRotations(
  at: Emitting,
  stage: TypedStage,
  rotations: readonly Rotation[],
  { type, parts }: Rotated,
  source: Model,
  states: ReadonlyMap<string, Ref>,
  number: number,
): Model["at"] {
  const place = { stage: number, of: stage.name };
  const matrices = rotations.map(
    (rotation, i) => [slotNames.rotation(i), matrixOf(at, rotation, states, place)] as const,
  );
  const now = new Map(source.at);
  for (const { layer, weights } of partsOf(source.type)) {
    const part = parts.get(layer);
    if (!part) continue;
    const on = { at, type: source.type, layer };
    const shared = part.untied.flatMap(({ linear, edit }) => {
      const table = weights.find(({ name }) => edit.weight.op === "input" && name === edit.weight.attrs.name);
      const own = type.outside.weights.find(({ name }) => name === `${linear.at}.weight`);
      return (table && own && editedBy(on, table, [edit], own)) ?? [];
    });
    const edited = [...weights.flatMap((tensor) => editedBy(on, tensor, part.edits) ?? []), ...shared];
    const others = new Map(matrices.map(([slot, inLayer]) => [slot, inLayer(layer)]));
    changeEdited({ at, source, stage, number, now, layer }, edited, others, tooFar);
  }
  return now;
}

const tooFar = "rotated, the weight has a NaN or an infinity; look at the matrix that the method rotates by";

/** Adds the step that makes a matrix; gives where that of a block is. */
function matrixOf(
  at: Emitting,
  rotation: Rotation,
  states: ReadonlyMap<string, Ref>,
  part: Pick<StepPart, "stage" | "of">,
): (layer: number | null) => Ref {
  const { statement, along, to, by, layers } = rotation;
  const { span } = statement;
  const order = ids([...(layers ? [layers] : []), along, to]);
  const node = orderNode(at.maker, by.node, order, span);
  const outputs = [{ name: slotNames.result, node }];
  const name = statement.name.text;
  const ordering = {
    by: ["best", "order", "argmax"],
    otherwise: `{n} numbers by which the matrix of \`${name}\` is ordered are NaN`,
  } as const;
  const { counts, checks } = unsound(at.maker, outputs, ordering);
  const otherwise = `the matrix by which \`${name}\` is rotated is not orthogonal: {n} products of its columns are not those of unit vectors at right angles`;
  const askew = { name: slotNames.askew, node: askewIn(at.maker, rotation) };
  const graph = at.maker.graph("rotation", [...outputs, ...counts, askew]);
  const sources = { model: { at: new Map() }, layer: null, others: states };
  const all = [...checks, { output: slotNames.askew, must: "none", otherwise } as const];
  const made = addStep(
    at,
    graph,
    sources,
    { ...part, layer: null, what: `rotation of ${name}` },
    all,
  )(slotNames.result);
  return (layer) => (layers && layer !== null ? { element: layer, of: made } : made);
}

/** How many products of a matrix's columns are not those of unit vectors at right angles. */
function askewIn(maker: Maker, { statement: { span }, along, to, by }: Rotation): Node {
  const { make } = maker;
  const other = `${to.id} of another`;
  const products = make("mul", [by.node, make("rename", [by.node], { from: to.id, to: other }, span)], {}, span);
  const gram = make("reduce", [products], { by: "sum", over: [along.id] }, span);
  const { size } = graphDim(to);
  const place = (name: string): Node => make("index", [], { dim: { name, size } }, span);
  const unit = make("cast", [make("equal", [place(to.id), place(other)], {}, span)], { dtype: "f32" }, span);
  const far = make("abs", [make("sub", [gram, unit], {}, span)], {}, span);
  const least = make("constant", [], { value: 2 ** -10, dtype: "f32" }, span);
  return howMany(maker, make("not", [make("lessEqual", [far, least], {}, span)], {}, span));
}
