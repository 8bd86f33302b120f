/**
 * What a selection leaves of activations behind: at values of their own they stand still, and the linear layers that read them have
 * what these add up to in their biases.
 */
import { showPlace } from "../../grammar/source.ts";
import { coneOf } from "../graph/cone.ts";
import type { Maker } from "../graph/make.ts";
import type { Node } from "../graph/ops.ts";
import { type Context, report } from "../language/context.ts";
import { known } from "../language/size.ts";
import { graphDims, ids, type Tensor } from "../language/tensor.ts";
import type { Linear, LinearInput } from "../language/trace.ts";
import type { Edit } from "../model/fold.ts";
import type { BlockForwarded } from "../model/forward.ts";
import { applyLinear, entering, orderNode } from "../model/linear.ts";
import type { Selected } from "../model/selector.ts";
import { blockOf, type ModelType, partsOf } from "../model/value.ts";
import type { Ref } from "../plan/step.ts";
import { changeEdited, editedBy } from "./edited.ts";
import { blockPass } from "./forward-graphs.ts";
import type { Selection } from "./method-on-blocks.ts";
import type { Changing } from "./part-work.ts";
import type { Emitting } from "./steps.ts";

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

/** What programs call the values at which what goes of an activation stays. */
export const leftSlot = (name: string): string => `left of ${name}`;

/** At which values what goes of an activation stays in each block, and 0 for all that is kept: along blocks first. */
export function leftValue(
  { make }: Maker,
  {
    selection: {
      dim,
      count,
      scores,
      statement: { span },
    },
    value,
    shown,
  }: LeftBehind,
): Node {
  const isKept = make("best", [scores.node], { over: [dim.id], keep: count }, span);
  const zero = make("constant", [], { value: 0, dtype: "f32" }, span);
  const node = make("select", [isKept, zero, value.node], {}, span);
  const layers = value.dims.filter(({ id }) => !shown.dims.some((each) => each.id === id));
  return orderNode({ make }, node, [...ids(layers), ...ids(kept(shown).dims)], span);
}

/** Without the dimension of tokens. */
const kept = (shown: Tensor): Tensor => ({ ...shown, dims: shown.dims.filter(({ id }) => id !== "token") });

/** Adds the steps by which the readers in a block have in their biases what goes: `valueIn` is where its values are. */
export function leaveBehind(
  changing: Omit<Changing, "others" | "collected"> & { readonly layer: number },
  entry: Tensor,
  left: readonly LeftBehind[],
  valueIn: (left: LeftBehind) => Ref,
): void {
  const { at, source, layer } = changing;
  const part = blockOf(source.type, layer);
  const { inputs } = blockPass(at, source.type, layer, entry);
  const edits = left.flatMap((each) =>
    each.readers.flatMap((reader) =>
      edited(
        at,
        each,
        inputs.find(({ linear }) => linear.name === reader.name),
      ),
    ),
  );
  const on = { at, type: source.type, layer };
  const biases = part?.weights.flatMap((tensor) => editedBy(on, tensor, edits) ?? []) ?? [];
  changeEdited(changing, biases, new Map(left.map((each) => [leftSlot(each.name), valueIn(each)])), tooLarge);
}

function edited(
  { context, maker }: Emitting,
  { name, shown }: LeftBehind,
  met: LinearInput | undefined,
): readonly Edit[] {
  const { linear, weight, bias } = met ?? {};
  if (!linear || !weight || !bias) return [];
  const { span } = linear;
  const { dims } = kept(shown);
  const attrs = { name: leftSlot(name), type: { dtype: "f32", dims: graphDims(dims) }, role: "state" } as const;
  const value = entering(
    context,
    linear,
    { kind: "tensor", dtype: "f32", dims, node: maker.make("input", [], attrs, span) },
    span,
  );
  const change = (node: Node): Node => {
    const made = applyLinear(context, linear, value, weight, { ...bias, node }, span);
    return made.kind === "tensor" ? made.node : node;
  };
  return [{ weight: bias.node, change }];
}

const tooLarge = "the new bias is more than its type holds; look at what the method leaves of the activation";
