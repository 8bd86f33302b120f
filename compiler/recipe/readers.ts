/**
 * The linear layers of a part by the activations that they read, as steps: of those that read the same one a scale, then each
 * weight that scales change.
 */
import type { Graph } from "../graph/graph.ts";
import type { Node } from "../graph/ops.ts";
import { slotNames } from "../graph/slots.ts";
import type { Dim } from "../graph/type.ts";
import { report } from "../language/context.ts";
import { fixed, known } from "../language/size.ts";
import { type Dimension, ids, volume } from "../language/tensor.ts";
import type { Linear, LinearInput } from "../language/trace.ts";
import { tensorName } from "../model/declared-tensor.ts";
import { type Edit, folded } from "../model/fold.ts";
import { orderNode } from "../model/linear.ts";
import { joined } from "../model/pieces.ts";
import { blockOf, dtypeOf, type Part } from "../model/value.ts";
import type { Float } from "../plan/dtype.ts";
import type { Ref } from "../plan/step.ts";
import { matrixOf, passesOver, type Statistic } from "./calibration.ts";
import { changeEdited, type Edited, editedBy } from "./edited.ts";
import { addLayer, isReached, newLayerOf, statisticsOf } from "./new-layers.ts";
import { type Changing, type NewLayer, noWork, type PartWork, type StageOnPart } from "./part-work.ts";
import { addStep } from "./steps.ts";

/** Layers that read one activation, and what their method makes of them. */
interface Readers {
  readonly newLayer: NewLayer;
  /** Their matrices one below the other, f32[out, in]; null for one layer whose matrix is stored by itself. */
  readonly beside: Graph | null;
  readonly edits: readonly Edit[];
}

/** The work on linear layers of a part, those that read one activation together. */
export function readersWork(on: StageOnPart, linears: readonly Linear[]): PartWork {
  const { at, stage, type, layer, inputs } = on;
  const part = layer === null ? type.outside : blockOf(type, layer);
  const areMet = linears.map((linear) => isReached(at.context, stage, linear, inputs)).every(Boolean);
  if (!part || !areMet) return noWork;
  const met = inputs.filter(({ linear }) => linears.some(({ name }) => name === linear.name));
  const read = ({ input, linear }: LinearInput): string => [input.node.id, ...ids(linear.from)].join(" ");
  const statistics: Statistic[] = [];
  const readers = [...Map.groupBy(met, read).values()].flatMap((group) => readersOf(on, part, group, statistics) ?? []);
  const edits = readers.flatMap((each) => each.edits);
  const edited = part.weights.flatMap((tensor) => editedBy(on, tensor, edits) ?? []);
  return {
    ...noWork,
    passes: passesOver(at.maker, statistics, inputs),
    change: (changing, made) => changeAll(changing, readers, edited, made),
  };
}

/** Null if there was a problem. */
function readersOf(
  on: StageOnPart,
  part: Part,
  group: readonly LinearInput[],
  statistics: Statistic[],
): Readers | null {
  const { layer, stage, inputs: linears, results } = on;
  const { maker, context } = on.at;
  const [first, second] = group;
  if (!first) return null;
  const linear = besides(group);
  const dims: readonly Dim[] = [{ name: "in", size: known(volume(linear.from)) ?? 0 }];
  const attrs = { name: slotNames.foldOf(linear.name), type: { dtype: "f32", dims }, role: "state" } as const;
  const own = new Set(part.weights.map(({ name }) => name));
  const scale = maker.make("input", [], attrs, stage.span);
  const edits = folded({ maker, results, linears, own }, group, scale);
  if ("because" in edits) {
    const names = group.map((each) => each.linear.name);
    const { origin: span } = maker.make("mul", [first.input.node, first.weight.node], {}, first.linear.span);
    const { at, because } = edits;
    report(context, { kind: "cannot-fold", span, names, stage: stage.span, at: at.origin, because });
    return null;
  }
  const tensor = tensorName(first.linear.weight, layer);
  const dtype = dtypeOfAll(on, group);
  const isStored = !second && first.weight.node.op === "input";
  const matrix = matrixBeside(on, group, linear);
  const beside = isStored ? null : maker.graph("beside", [{ name: slotNames.weight, node: matrix, store: dtype }]);
  const met = { ...first, reached: group.every(({ reached }) => reached === first.reached) ? first.reached : null };
  const seen = { linear: isStored ? first.linear : linear, dtype, bias: null, tensor, met, matrix };
  const newLayer = newLayerOf(on, seen, statistics, []);
  return newLayer && { newLayer, beside, edits };
}

/** Layers one below the other, as one layer. */
function besides(group: readonly LinearInput[]): Linear {
  const [first, ...others] = group.map(({ linear }) => linear) as [Linear, ...Linear[]];
  const rows = [first, ...others].reduce((sum, { to }) => sum + (known(volume(to)) ?? 0), 0);
  const out: Dimension = { id: "out", name: "out", size: fixed(rows), source: "the layers that read one activation" };
  const name = [first, ...others].map((each) => each.name).join(", ");
  return { ...first, name, to: [out], isInFirst: false, among: null, tied: null };
}

/** The type that matrices are stored in, if it is one. */
function dtypeOfAll({ type, layer }: StageOnPart, group: readonly LinearInput[]): Float {
  const types = group.map(({ linear }): Float => {
    const tensor = tensorName(linear.weight, layer);
    return type.facts?.tensors.get(tensor)?.coded ? "f32" : dtypeOf(type, tensor);
  });
  const [first = "f32"] = types;
  return types.every((each) => each === first) ? first : "f32";
}

function matrixBeside(
  { at: { maker } }: StageOnPart,
  group: readonly LinearInput[],
  { to: [out], span }: Linear,
): Node {
  const pieces = group.map((each) => ({ node: matrixOf(maker, each), rows: ["out"] }));
  return orderNode(maker, joined(maker, pieces, { rows: out as Dimension, within: [] }, span), ["out", "in"], span);
}

function changeAll(
  changing: Changing,
  readers: readonly Readers[],
  edited: readonly Edited[],
  statistics: ReadonlyMap<string, Ref>,
): void {
  const { at, source, stage, number, layer } = changing;
  const place = { stage: number, of: stage.name, layer };
  const folds = new Map<string, Ref>();
  for (const { newLayer, beside } of readers) {
    const { linear } = newLayer;
    const weight = beside
      ? addStep(
          at,
          beside,
          { model: source, layer },
          { ...place, what: `${linear.name} side by side` },
        )(slotNames.weight)
      : source.at.get(tensorName(linear.weight, layer));
    const others = new Map([
      ...(weight ? [[slotNames.weight, weight] as const] : []),
      ...statisticsOf(newLayer, statistics),
    ]);
    const made = addLayer(changing, newLayer, others, { ...place, what: linear.name });
    folds.set(slotNames.foldOf(linear.name), made(slotNames.fold));
  }
  changeEdited(changing, edited, folds, tooFar);
}

const tooFar = "scaled, the weight has a NaN or an infinity; look at the scales that the method gives";
