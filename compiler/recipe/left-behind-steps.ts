/** What a selection leaves of activations behind, as steps: into the biases of the linear layers that read them, before anything goes. */
import type { Maker } from "../graph/make.ts";
import type { Node } from "../graph/ops.ts";
import { graphDims, ids, type Tensor } from "../language/tensor.ts";
import type { LinearInput } from "../language/trace.ts";
import type { Edit } from "../model/fold.ts";
import { applyLinear, entering, orderNode } from "../model/linear.ts";
import { blockOf } from "../model/value.ts";
import type { Ref } from "../plan/step.ts";
import { changeEdited, editedBy } from "./edited.ts";
import { blockPass } from "./forward-graphs.ts";
import type { LeftBehind } from "./left-behind.ts";
import type { Changing } from "./part-work.ts";
import type { Emitting } from "./steps.ts";

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
