/** A stage with a method on blocks: what it keeps of a model's dimensions and layers, and what becomes of the model. */
import { type Span, showPlace } from "../../grammar/source.ts";
import { coneOf } from "../graph/cone.ts";
import type { Node } from "../graph/ops.ts";
import { type Context, report } from "../language/context.ts";
import { tokensInput } from "../language/members.ts";
import { scopeIn } from "../language/scope.ts";
import { known } from "../language/size.ts";
import type { Tensor, Windows } from "../language/tensor.ts";
import { forward, forwardBlock, weightsOf } from "../model/forward.ts";
import { withBiases } from "../model/gained-biases.ts";
import { narrowed, type Sizes } from "../model/narrowed-config.ts";
import { pieceRow } from "../model/pieces.ts";
import { firstBlocks, type ModelType, type Part, partsOf } from "../model/value.ts";
import type { Problem } from "../problems/problem.ts";
import { type Rotated, rotatedModel } from "./check-rotation.ts";
import { blockPass, entryOf, type Forwarding } from "./forward-graphs.ts";
import { type LeftBehind, leftBehind, readersIn } from "./left-behind.ts";
import type { Applied } from "./method.ts";
import { applyBlockMethod, type BlockWork, type Selection } from "./method-on-blocks.ts";

export interface Narrowing extends BlockWork {
  /** The model with the biases that what goes leaves behind, before anything goes. */
  readonly biased: ModelType;
  /** Which layers read what leaves something behind. */
  readonly left: readonly LeftBehind[];
  /** What the model is afterwards. */
  readonly type: ModelType;
  /** What becomes of it where the method rotates. */
  readonly rotated: Rotated | null;
}

/** What a forward pass is looked at with where nothing streams. */
export const fewTokens = 16;

/** Null if there was a problem. */
export function narrowingOf(
  context: Context,
  applied: Applied,
  type: ModelType,
  windows: Windows | null,
  span: Span,
): Narrowing | null {
  const scope = scopeIn(null);
  const length = windows?.length ?? fewTokens;
  const { entry, logits } = forward(context, type, scope, tokensInput(context, scope, length, span), span);
  if (logits.kind !== "tensor") return null;
  const [first, ...others] = firstBlocks(type.blocks);
  if (!entry || !first || others.length > 0) {
    const many = others.length > 0 ? "several kinds" : "none";
    report(context, { kind: "not-supported", span, what: `a method on blocks, of which this model has ${many},` });
    return null;
  }
  const passed = forwardBlock(context, first, entryOf(entry), span);
  const { result, shown } = passed;
  const weights = weightsOf(first, passed);
  const work = result && applyBlockMethod(context, applied, { type, windows, shown, weights });
  if (!work) return null;
  if (work.rotations.length > 0) {
    const rotated = rotatedModel(context, type, work.rotations, length, span);
    return rotated && { ...work, biased: type, left: [], type: rotated.type, rotated };
  }
  const nodes = coneOf([entry.node, result, logits.node]);
  const uses = work.selections.flatMap(({ dim, statement }) => {
    const use = dim.name === "layer" ? undefined : nodes.find((node) => isPicky(node, dim.name));
    return use ? [{ use, dim, span: statement.dim.span }] : [];
  });
  for (const { use, dim, span } of uses) report(context, indivisible(use, dim.name, span));
  if (uses.length > 0) return null;
  const other = odd(context, type, entryOf(entry), work.selections);
  if (other) {
    report(context, other);
    return null;
  }
  const left = leftBehind(context, work.selections, passed);
  return left && smaller(context, type, work, left, span);
}

/** What is left of a model, where config.json can say it. */
function smaller(
  context: Context,
  type: ModelType,
  work: BlockWork,
  left: readonly LeftBehind[],
  span: Span,
): Narrowing | null {
  const wayOut = (reader: string): string => {
    const found = left.find(({ readers }) => readers.some(({ name }) => name === reader));
    const whole = found ? `let all of \`${found.selection.dim.name}\` stay, or ` : "";
    return `it takes over what goes: ${whole}select by a method without \`leaving\``;
  };
  const biased = withBiases(context, type, readersIn(type, left), span, wayOut);
  if (!biased) return null;
  const made = narrowed(context, biased, sizesOf(work.selections, type));
  if (!made) report(context, unsayable(context, type, work.selections));
  return made && { ...work, biased, left, type: made, rotated: null };
}

/**
 * What is wrong with blocks that are not alike: a decision says which stay, so that each may come to any place, and those that
 * have other sizes have no part in what is selected from the first.
 */
function odd(context: Context, type: ModelType, entry: Tensor, selections: readonly Selection[]): Problem | null {
  const sizes = ({ scope, weights }: Part): string =>
    [...[...scope.dims.values()].flat().map(({ size }) => known(size)), ...weights.map(({ name }) => name)].join();
  const layers = selections.find(({ dim, count }) => dim.name === "layer" && count < (known(dim.size) ?? 0));
  const fewer = layers && narrowed(context, type, sizesOf([layers], type));
  const all = [type, ...(fewer ? [fewer] : [])].flatMap((of) => partsOf(of).map((part) => ({ of, part })));
  const passes: Forwarding = { context, maker: context.maker, passes: new Map() };
  const computed = ({ of, part }: (typeof all)[number]): Node | undefined =>
    blockPass(passes, of, part.layer ?? 0, entry).graph?.outputs[0]?.node;
  const [first, ...others] = all.filter(({ part }) => part.layer !== null);
  const isAlike = (each: (typeof all)[number]): boolean =>
    first === undefined || (sizes(each.part) === sizes(first.part) && (!layers || computed(each) === computed(first)));
  const other = others.find((each) => !isAlike(each))?.part;
  const [selection] = layers ? [layers] : selections;
  return other && selection
    ? {
        kind: "not-supported",
        span: selection.statement.dim.span,
        what: `selecting from \`${selection.dim.name}\` in a model whose blocks are not alike`,
        hint: `block ${other.layer} has other sizes than block 0, or computes something else`,
      }
    : null;
}

/** Sizes that are smaller, by the names of dimensions; blocks by theirs. */
const sizesOf = (selections: readonly Selection[], { blocks: [blocks] }: ModelType): Sizes =>
  new Map(
    selections
      .filter(({ dim, count }) => count !== known(dim.size))
      .map(({ dim, count }) => [dim.name === "layer" ? (blocks?.declaration.name.text ?? "") : dim.name, count]),
  );

/** Whether a node tells places along a dimension apart: then it would be another computation with fewer of them. */
function isPicky({ op, attrs }: Node, dim: string): boolean {
  switch (op) {
    case "index":
      return attrs.dim.name === dim;
    case "gather":
      return attrs.dim === dim;
    case "split":
      return (
        attrs.dim === dim ||
        (attrs.dim !== "memory" && attrs.dim !== pieceRow && attrs.into.some(({ name }) => name === dim))
      );
    case "merge":
      return attrs.into !== "memory" && attrs.dims.includes(dim);
    default:
      return false;
  }
}

const indivisible = ({ origin }: Node, dim: string, span: Span) =>
  ({
    kind: "not-supported",
    span,
    what: `selecting from \`${dim}\`, whose places the forward pass tells apart,`,
    hint: `it is indexed, split or sliced in ${showPlace(origin)}`,
  }) as const;

/** Other counts are tried this far off, the nearest first: multiples of the heads, of which no model has more than 128, lie nearer. */
const furthest = 64;

function unsayable(context: Context, type: ModelType, selections: readonly Selection[]): Problem {
  const canSay = (each: readonly Selection[]): boolean => narrowed(context, type, sizesOf(each, type)) !== null;
  const wrong = selections.find((each) => !canSay([each])) ?? (selections[0] as Selection);
  const { dim, count, statement } = wrong;
  const others = Array.from({ length: furthest }, (_, i) => [count - i - 1, count + i + 1]).flat();
  const nearest = others.find(
    (n) =>
      n >= 1 &&
      n < (known(dim.size) ?? 0) &&
      canSay(selections.map((each) => (each === wrong ? { ...each, count: n } : each))),
  );
  return {
    kind: "out-of-range",
    span: statement.to.span,
    what: `how many of \`${dim.name}\` stay`,
    value: String(count),
    range: `what config.json of \`${type.arch.declaration.name.text}\` can say${nearest === undefined ? "" : `: the nearest is ${nearest}`}`,
  };
}
