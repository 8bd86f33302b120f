/** The pieces of a model's forward pass as graphs: from the tokens on, and each kind of block. */
import type { Span } from "../../grammar/source.ts";
import type { Graph } from "../graph/graph.ts";
import type { Maker } from "../graph/make.ts";
import type { Node } from "../graph/ops.ts";
import { slotNames } from "../graph/slots.ts";
import type { Context } from "../language/context.ts";
import { identityOf } from "../language/identity.ts";
import { tokensInput } from "../language/members.ts";
import { scopeIn } from "../language/scope.ts";
import { known } from "../language/size.ts";
import type { Tensor } from "../language/tensor.ts";
import type { LinearInput } from "../language/trace.ts";
import { tensorName } from "../model/declared-tensor.ts";
import type { CodedFacts, TensorFacts } from "../model/facts.ts";
import { type Forwarded, forward, forwardBlock } from "../model/forward.ts";
import { blockOf, type ModelType, type Part } from "../model/value.ts";

/** A block on what enters it; no graph if its forward pass is wrong. */
export interface BlockPass {
  readonly graph: Graph | null;
  readonly result: Node | null;
  readonly inputs: readonly LinearInput[];
  /** What it shows to methods on blocks. */
  readonly shown: ReadonlyMap<string, Tensor>;
}

/** Where pieces of forward passes are made, each once. */
export interface Forwarding {
  readonly context: Context;
  readonly maker: Maker;
  readonly passes: Map<ModelType, Passes>;
}

/** Of one type of model. */
export interface Passes {
  /** From tokens on, by the length of windows. */
  readonly starts: Map<number, Forwarded>;
  /** By what enters them and how their tensors are stored. */
  readonly blocks: Map<string, BlockPass>;
}

function passesOf({ passes }: Forwarding, type: ModelType): Passes {
  const made = passes.get(type) ?? { starts: new Map(), blocks: new Map() };
  passes.set(type, made);
  return made;
}

/** Tokens of windows of that length to the first block. */
export function startOf(at: Forwarding, type: ModelType, length: number, span: Span): Forwarded {
  const { starts } = passesOf(at, type);
  const old = starts.get(length);
  if (old) return old;
  const scope = scopeIn(null);
  const start = forward(at.context, type, scope, tokensInput(at.context, scope, length, span), span);
  starts.set(length, start);
  return start;
}

/** What enters a block, without the dimension that streams. */
export const entryOf = (entry: Tensor): Tensor => ({ ...entry, dims: entry.dims.filter(({ streamed }) => !streamed) });

/** Parts with the same sizes whose tensors are stored by the same names, in the same types, share their graphs. */
export const partKey = ({ facts }: ModelType, { layer, readsNumber, scope, weights, forward }: Part): string =>
  [
    forward?.span.start,
    readsNumber ? layer : "",
    ...[...scope.dims.values()].flat().map(({ size }) => known(size)),
    ...weights.map(({ name }) => `${name} ${storedAs(facts?.tensors.get(tensorName(name, layer)))}`),
  ].join(" ");

const storedAs = (tensor: TensorFacts | undefined): string =>
  tensor?.coded ? codedAs(tensor.coded) : (tensor?.dtype ?? "");

/** Equal for codes that the same graphs read. */
export const codedAs = ({ format, fields }: CodedFacts): string =>
  [identityOf(format), ...fields.map(({ dtype }) => dtype)].join(" ");

export function blockPass(at: Forwarding, type: ModelType, layer: number, entry: Tensor): BlockPass {
  const { context, maker } = at;
  const part = blockOf(type, layer);
  if (!part) return { graph: null, result: null, inputs: [], shown: new Map() };
  const { blocks } = passesOf(at, type);
  const dims = entry.dims.map(({ id, size }) => `${id} ${known(size)}`);
  const key = [entry.node?.id, ...dims, partKey(type, part)].join(" ");
  const old = blocks.get(key);
  if (old) return old;
  const { result, inputs, shown } = forwardBlock(context, part, entry, type.arch.declaration.span);
  const graph = result && maker.graph("block", [{ name: slotNames.activation, node: result }]);
  const made = { graph, result, inputs, shown };
  blocks.set(key, made);
  return made;
}
