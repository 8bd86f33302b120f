/** What an architecture asks of a checkpoint's headers: names, shapes and stored types. */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { DType } from "../graph/type.ts";
import { type Context, note, report } from "../language/context.ts";
import { known } from "../language/size.ts";
import { type Dimension, volume } from "../language/tensor.ts";
import type { Pieces } from "../language/trace.ts";

import { storedTypes } from "../plan/program.ts";
import type { Of, Problem } from "../problems/problem.ts";

import type { ModelFacts } from "./facts.ts";
import { firstBlocks, type ModelType, type Part, partsOf } from "./value.ts";

/** A tensor that an architecture reads; `{layer}` in the name stands for the block's number. */
export interface StoredTensor {
  readonly name: string;
  /** Those of each of its dimensions in the file, in order. */
  readonly dims: readonly (readonly Dimension[])[];
  readonly span: Span;
  /** Of linear layers that lie in it one after the other. */
  readonly pieces?: Pieces;
  /** For a weight, how its dimensions are made of one: `gain, flat -> (kv: size(kv), head: size(head))`. */
  readonly parts?: string;
}

/** What is wrong with a stored tensor. */
export type Fault = { readonly tensor: string; readonly span: Span } & (
  | { readonly kind: "missing" }
  | ({ readonly kind: "shape" } & Pick<Of<"weight-shape">, "expected" | "found" | "parts" | "layers">)
  | { readonly kind: "type"; readonly dtype: string }
);

/** Which block's headers are at hand. */
interface At {
  readonly facts: ModelFacts | null;
  readonly layer: number | null;
}

/** The name of a stored tensor in the block at hand, or outside the blocks. */
export const tensorName = (name: string, layer: number | null): string => name.replaceAll("{layer}", String(layer));

export const isStored = ({ facts, layer }: At, name: string): boolean =>
  facts?.tensors.has(tensorName(name, layer)) === true;

/** A name as the checkpoint has it: one that was saved from the inner model lacks its first part, such as `model.`. */
export function storedPath(at: At, name: string): string {
  const inner = withoutFirst(name);
  return isStored(at, name) || !isStored(at, inner) ? name : inner;
}

const withoutFirst = (name: string): string => name.slice(name.indexOf(".") + 1);

/** The type that a tensor is stored in, if the checkpoint has it in the shape that the config says; else a fault is added. */
export function storedType(
  { facts, layer, faults }: At & { readonly faults: Fault[] },
  { name, dims, span, parts, pieces }: StoredTensor,
): DType | null {
  const tensor = tensorName(name, layer);
  const stored = facts?.tensors.get(tensor);
  if (!stored) {
    faults.push({ kind: "missing", tensor, span });
    return null;
  }
  const expected = dims.flatMap((of) => known(volume(of)) ?? []);
  if (expected.length < dims.length) return null;
  if (expected.length !== stored.shape.length || expected.some((n, i) => n !== stored.shape[i])) {
    faults.push({ kind: "shape", tensor, span, expected, found: stored.shape, parts, layers: pieces?.names });
    return null;
  }
  const dtype = storedTypes.get(stored.dtype);
  if (!dtype) faults.push({ kind: "type", tensor, span, dtype: stored.dtype });
  return dtype ?? null;
}

/** One problem for each kind of fault, however many tensors have it. */
export function reportFaults(context: Context, facts: ModelFacts, faults: readonly Fault[]): void {
  for (const kind of ["missing", "shape", "type"] as const) {
    const [first, ...others] = faults.filter((fault) => fault.kind === kind);
    if (first) report(context, problemOf(facts, first, others.length));
  }
}

function problemOf({ tensors }: ModelFacts, fault: Fault, others: number): Problem {
  const { span, tensor } = fault;
  switch (fault.kind) {
    case "missing": {
      const wrapped = prefixOf([...tensors.keys()], tensor);
      if (wrapped !== undefined) return { kind: "weight-prefix", span, tensor, ...wrapped };
      return { kind: "weight-missing", span, tensor, others, known: [...tensors.keys()] };
    }
    case "shape":
      return { ...fault, kind: "weight-shape", others };
    case "type":
      return { kind: "weight-type", span, tensor, others, dtype: fault.dtype };
  }
}

/** What a tool has put before all names, as `_orig_mod.`, and a name with it, if it has. */
function prefixOf(
  names: readonly string[],
  tensor: string,
): { readonly prefix: string; readonly found: string } | undefined {
  const wrapped = [tensor, withoutFirst(tensor)].flatMap((wanted) =>
    names
      .filter((found) => found.endsWith(`.${wanted}`))
      .map((found) => ({ prefix: found.slice(0, -wanted.length), found })),
  );
  return wrapped.find(({ prefix }) => names.every((name) => name.startsWith(prefix)));
}

/** The path of a block's tensors; whatever the blocks are called, slots say `{layer}` for the number. */
export const blockPrefix = ({ name, at }: Ast.Blocks): string => `${at.value.replaceAll(`{${name.text}}`, "{layer}")}.`;

/** Every block's tensors must be there, and what the architecture neither reads nor ignores would be lost. */
export function checkCheckpoint(context: Context, type: ModelType): void {
  const { arch, facts, isFaulty } = type;
  if (!facts || isFaulty) return;
  const parts = partsOf(type);
  const said = [type.outside, ...firstBlocks(type.blocks)];
  reportFaults(
    context,
    facts,
    parts.flatMap((part) => (said.includes(part) ? [] : part.faults)),
  );
  const besides = [...ignored(arch.members, "")];
  const expected = new Set(
    parts.flatMap((part) => [...tensorsOf(part), ...besides.map((name) => tensorName(name, part.layer))]),
  );
  const leftOut = new Set(parts.flatMap((part) => part.leftOut));
  const others = [...facts.tensors.keys()].filter((name) => !expected.has(name));
  const unknown = others.filter((name) => !leftOut.has(name));
  const unused = others.filter((name) => leftOut.has(name));
  const { span } = arch.name;
  if (unused.length > 0) note(context, { kind: "weight-unused", span, tensors: unused });
  if (unknown.length > 0) report(context, { kind: "weight-unknown", span, tensors: unknown, arch: arch.name.text });
}

/** The tensors of a part, with those of layers that share another's weight. */
const tensorsOf = ({ layer, weights, linears }: Part): readonly string[] =>
  [...weights.map(({ name }) => name), ...linears.flatMap(({ tied, at }) => (tied ? [`${at}.weight`] : []))].map(
    (name) => tensorName(name, layer),
  );

/** What the checkpoint may hold besides, with the names of the inner model; names inside `blocks` go on from the block's. */
function* ignored(members: readonly Ast.ArchMember[], prefix: string): Iterable<string> {
  for (const member of members) {
    if (member.kind === "blocks") yield* ignored(member.members, blockPrefix(member));
    else if (member.kind === "ignore") yield* [prefix + member.at.value, withoutFirst(prefix + member.at.value)];
  }
}

/** What quantisers put beside weights, or in their place. */
const codes =
  /\.(qweight|qzeros|g_idx|weight_packed|SCB|weight_scale|weight_scale_inv|weight_zero_point|input_scale|weight\.(nested_)?(absmax|quant_\w+)(\..*)?)$/;

const coded = /^([IU]8|F4|F6_\w+|F8_\w+)$/;

/** Reports a model whose weights are codes of a quantiser, or scaled by numbers beside them. */
export function isQuantised(context: Context, { name: model, config, tensors }: ModelFacts, span: Span): boolean {
  const said = config["quantization_config"] ?? config["compression_config"];
  const method: unknown = typeof said === "object" && said !== null ? Reflect.get(said, "quant_method") : undefined;
  const named = [...tensors.keys()].find((name) => codes.test(name));
  const [typed] = [...tensors].filter(([name, { dtype }]) => name.endsWith(".weight") && coded.test(dtype));
  const because = said
    ? "config.json has a `quantization_config`"
    : named !== undefined
      ? `the checkpoint has \`${named}\``
      : typed && `\`${typed[0]}\` is stored as ${typed[1].dtype}`;
  if (because === undefined) return false;
  report(context, { kind: "model-quantised", span, model, by: typeof method === "string" ? method : null, because });
  return true;
}
