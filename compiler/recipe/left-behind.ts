/**
 * What a selection leaves of activations behind: at values of their own they stand still, and the linear layers that read them have
 * what these add up to in their biases.
 */
import { showPlace } from "../../grammar/source.ts";
import { coneOf } from "../graph/cone.ts";
import type { Node } from "../graph/ops.ts";
import { type Context, report } from "../language/context.ts";
import { known } from "../language/size.ts";
import type { Tensor } from "../language/tensor.ts";
import type { Linear, LinearInput } from "../language/trace.ts";
import type { BlockForwarded } from "../model/forward.ts";
import type { Selected } from "../model/selector.ts";
import { type ModelType, partsOf } from "../model/value.ts";
import type { Selection } from "./method-on-blocks.ts";

/** An activation of which some goes, and who reads it. */
export interface LeftBehind {
  readonly selection: Selection;
  /** The activation, and the value at which what goes stays. */
  readonly name: string;
  readonly value: Tensor;
  /** The activation in a block, without samples. */
  readonly shown: Tensor;
  readonly readers: readonly Linear[];
}

/** Null where something else than linear layers reads what goes, which is said. */
export function leftBehind(
  context: Context,
  selections: readonly Selection[],
  block: BlockForwarded,
): readonly LeftBehind[] | null {
  const all = selections
    .filter(({ dim, count }) => count !== known(dim.size))
    .flatMap((selection) =>
      [...selection.leaving].flatMap(([name, value]) => {
        const shown = block.shown.get(name);
        return shown ? [{ selection, name, value, shown, ...readersOf(block, shown.node) }] : [];
      }),
    );
  const stuck = all.find(({ other }) => other !== null);
  if (!stuck?.other) return all;
  report(context, {
    kind: "not-supported",
    span: stuck.selection.statement.leaving?.span ?? stuck.selection.statement.span,
    what: `leaving \`${stuck.name}\`, which others than linear layers read,`,
    hint: `a bias of the layers that read it takes over what goes: it is read in ${showPlace(stuck.other.origin)}`,
  });
  return null;
}

/** The linear layers that read a value, and what else does. */
function readersOf({ inputs, result }: BlockForwarded, node: Node) {
  const isReader = ({ input }: LinearInput): boolean =>
    input.node === node || (input.node.op === "rename" && input.node.inputs[0] === node);
  const readers = inputs.filter(isReader);
  const products = readers.map(({ input, weight }) => [input.node, weight.node]);
  const renamed = new Set(readers.map(({ input }) => input.node));
  const isOf = (each: Node): boolean =>
    renamed.has(each) ||
    (each.op === "mul" &&
      products.some(([x, w]) => each.inputs.includes(x as Node) && each.inputs.includes(w as Node)));
  const other = coneOf(result ? [result] : []).find(
    (each) => each.inputs.some((input: Node) => input === node) && !isOf(each),
  );
  return { readers: readers.map(({ linear }) => linear), other: other ?? (result === node ? node : null) };
}

/** The readers in every block. */
export const readersIn = (type: ModelType, left: readonly LeftBehind[]): readonly Selected[] => {
  const names = new Set(left.flatMap(({ readers }) => readers.map(({ name }) => name)));
  return partsOf(type).flatMap(({ layer, linears }) =>
    linears.flatMap((linear) => (layer !== null && names.has(linear.name) ? [{ linear, layer }] : [])),
  );
};
