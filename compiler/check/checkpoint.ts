/** What an architecture asks of a checkpoint's headers: names, shapes and stored types. */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { DType } from "../graph/type.ts";
import { storedTypes } from "../plan/program.ts";
import { type ArchInstance, blockPrefix } from "./arch.ts";
import { type Context, report } from "./context.ts";
import type { ModelFacts } from "./facts.ts";
import { known, type Size } from "./size.ts";

/** A tensor that an architecture reads; `{layer}` in the name stands for the block's number. */
export interface StoredTensor {
  readonly name: string;
  readonly inBlock: boolean;
  readonly shape: readonly Size[];
  readonly span: Span;
  /** For a weight, how its dimensions are made of one: `gain, flat -> (kv: size(kv), head: size(head))`. */
  readonly parts?: string;
}

/** The name of a stored tensor in the block at hand, or outside the blocks. */
export const tensorName = (name: string, layer: number): string => name.replaceAll("{layer}", String(layer));

/** The type that a tensor is stored in, if the checkpoint has it in the shape that the config says. */
export function checkStored(
  context: Context,
  { tensors }: ModelFacts,
  { name, shape, span, parts }: StoredTensor,
  layer: number,
): DType | null {
  const tensor = tensorName(name, layer);
  const found = tensors.get(tensor);
  if (!found) {
    report(context, { kind: "weight-missing", span, tensor, known: [...tensors.keys()] });
    return null;
  }
  const expected = shape.flatMap((size) => known(size) ?? []);
  if (expected.length < shape.length) return null;
  if (expected.length !== found.shape.length || expected.some((n, i) => n !== found.shape[i])) {
    report(context, { kind: "weight-shape", span, tensor, expected, found: found.shape, parts });
    return null;
  }
  const dtype = storedTypes.get(found.dtype);
  if (!dtype)
    report(context, {
      kind: "not-supported",
      span,
      what: `the stored type ${found.dtype} of \`${tensor}\``,
      hint: "F32, F16 and BF16 are",
    });
  return dtype ?? null;
}

/** Every block's tensors must be there, and what the architecture neither reads nor ignores would be lost. */
export function checkCheckpoint(context: Context, instance: ArchInstance): void {
  const { arch, facts, tensors, blocks } = instance;
  if (!facts || context.found.length > 0) return;
  const layers = blocks ? (known(blocks.count) ?? 0) : 0;
  const inBlocks = tensors.filter(({ inBlock }) => inBlock);
  for (let layer = 1; layer < layers; layer++)
    for (const tensor of inBlocks) checkStored(context, facts, tensor, layer);
  const expected = new Set<string>();
  const add = (name: string, inBlock: boolean) => {
    for (let layer = 0; layer < (inBlock ? layers : 1); layer++) expected.add(tensorName(name, layer));
  };
  for (const { name, inBlock } of tensors) add(name, inBlock);
  for (const { name, inBlock } of ignored(arch.members, "")) add(name, inBlock);
  for (const { tied, at, inBlock } of instance.linears) if (tied) add(`${at}.weight`, inBlock);
  const unknown = [...facts.tensors.keys()].filter((name) => !expected.has(name));
  if (unknown.length > 0)
    report(context, { kind: "weight-unknown", span: arch.name.span, tensors: unknown, arch: arch.name.text });
}

/** What the checkpoint may hold besides; names inside `blocks` go on from the block's. */
function* ignored(
  members: readonly Ast.ArchMember[],
  prefix: string,
): Iterable<{ readonly name: string; readonly inBlock: boolean }> {
  for (const member of members) {
    if (member.kind === "blocks") yield* ignored(member.members, blockPrefix(member));
    else if (member.kind === "ignore") yield { name: prefix + member.at.value, inBlock: prefix !== "" };
  }
}
