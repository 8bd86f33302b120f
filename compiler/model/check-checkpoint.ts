/** What is wrong between an architecture and a checkpoint's headers: tensors that are missing, other than declared, or too many. */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { type Context, note, report } from "../language/context.ts";
import type { Problem } from "../problems/problem.ts";
import { type Fault, tensorName, withoutFirst } from "./declared-tensor.ts";
import type { ModelFacts } from "./facts.ts";
import { firstBlocks, type ModelType, type Part, partsOf } from "./value.ts";

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
  const { facts, isFaulty } = type;
  const { members, name } = type.arch.declaration;
  if (!facts || isFaulty) return;
  const parts = partsOf(type);
  const said = [type.outside, ...firstBlocks(type.blocks)];
  reportFaults(
    context,
    facts,
    parts.flatMap((part) => (said.includes(part) ? [] : part.faults)),
  );
  const besides = [...ignored(members, "")];
  const expected = new Set(
    parts.flatMap((part) => [...tensorsOf(part), ...besides.map((name) => tensorName(name, part.layer))]),
  );
  const leftOut = new Set(parts.flatMap((part) => part.leftOut));
  const others = [...facts.tensors.keys()].filter((name) => !expected.has(name));
  const unknown = others.filter((name) => !leftOut.has(name));
  const unused = others.filter((name) => leftOut.has(name));
  const { span, text: arch } = name;
  if (unused.length > 0) note(context, { kind: "weight-unused", span, tensors: unused });
  if (unknown.length > 0) report(context, { kind: "weight-unknown", span, tensors: unknown, arch });
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
