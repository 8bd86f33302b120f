/** Layers that lie one after the other in a stored tensor, of which a stage has changed some: the tensor with what is new. */
import type { Graph, Output } from "../graph/graph.ts";
import type { Node } from "../graph/ops.ts";
import { slotNames } from "../graph/slots.ts";
import type { Dim } from "../graph/type.ts";
import { invariant } from "../invariant.ts";
import { known } from "../language/size.ts";
import { graphDim, volume } from "../language/tensor.ts";
import type { Linear } from "../language/trace.ts";
import { orderNode } from "../model/linear.ts";
import { joined, pieceOf } from "../model/pieces.ts";
import { dtypeOf, type Model } from "../model/value.ts";
import type { Ref } from "../plan/step.ts";
import type { Emitting } from "./steps.ts";

/** The new weights of one of the layers. */
export interface NewPiece {
  readonly linear: Linear;
  readonly tensor: string;
  /** The weight, or the fields of its format, as the step makes them. */
  readonly outputs: readonly Output[];
  readonly made: (output: string) => Ref;
}

/** The graph that puts a tensor together, and what it reads. */
interface Together {
  readonly graph: Graph;
  readonly others: ReadonlyMap<string, Ref>;
}

/** Codes of all layers that lie in a tensor, each field with the rows of one after those of the other. */
export function fieldsTogether({ maker }: Emitting, changed: readonly NewPiece[]): Together {
  const pieces = changed.toSorted((a, b) => (a.linear.among?.place ?? 0) - (b.linear.among?.place ?? 0));
  const [first] = pieces;
  invariant(first?.linear.among?.of.length === pieces.length, "codes of some of the layers in a tensor");
  const { span } = first.linear;
  const among = { ...first.linear.among, rows: { ...first.linear.among.rows, id: "out" } };
  const others = new Map<string, Ref>();
  const outputs = first.outputs.map(({ name, node: { type } }, i): Output => {
    const fields = pieces.map(({ linear, outputs, made }) => {
      const slot = `${name} of ${linear.name}`;
      others.set(slot, made(name));
      const own = outputs[i]?.node.type ?? type;
      return { node: maker.make("input", [], { name: slot, type: own, role: "weight" }, span), rows: [among.rows.id] };
    });
    const order = type.dims.map((dim) => dim.name);
    return { name, node: orderNode(maker, joined(maker, fields, among, span), order, span), store: type.dtype };
  });
  return { graph: maker.graph("together", outputs), others };
}

/** The tensor in its type and order, with what is new of some of its layers. */
export function together(
  { maker }: Emitting,
  { at, type }: Model,
  tensor: string,
  changed: readonly NewPiece[],
): Together {
  const linear = changed[0]?.linear;
  invariant(linear?.among != null, `${tensor} is of one layer`);
  const { among, isInFirst, from, span } = linear;
  const dtype = dtypeOf(type, tensor);
  const inputs: Dim = { name: "in", size: known(volume(from)) ?? 0 };
  const read = (name: string, rows: Dim): Node => {
    const dims = isInFirst ? [inputs, rows] : [rows, inputs];
    return maker.make("input", [], { name, type: { dtype, dims }, role: "weight" }, span);
  };
  const whole = read(slotNames.weight, graphDim(among.rows));
  const others = new Map(changed.map((piece) => [`new ${piece.linear.name}`, piece.made(slotNames.result)]));
  const pieces = among.of.map((dims, i) => {
    const out: Dim = { name: "out", size: known(volume(dims)) ?? 0 };
    const name = `new ${among.names[i]}`;
    const node = others.has(name) ? read(name, out) : pieceOf(maker, whole, among, i, [out], span);
    return { node, rows: [out.name] };
  });
  const node = joined(maker, pieces, among, span);
  const graph = maker.graph("together", [{ name: slotNames.result, node, store: dtype }]);
  const stored = at.get(tensor);
  return { graph, others: stored ? others.set(slotNames.weight, stored) : others };
}
