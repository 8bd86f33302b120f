/** Architectures: dimensions from config.json, weights from the checkpoint, and the forward pass in three pieces. */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { bindArguments, functionValue, parameter } from "./call.ts";
import { checkStored, type StoredTensor, tensorName } from "./checkpoint.ts";
import { type Context, findDimension, knownNames, report, type Scope, scopeIn } from "./context.ts";
import { condition, evaluate } from "./expression.ts";
import type { ModelFacts } from "./facts.ts";
import { areDistinct } from "./names.ts";
import { declareDimension } from "./signature.ts";
import { fixed, known, open, type Size, showSize } from "./size.ts";
import { arithmeticOf, emit, graphDims, reduceOf, truth, volume } from "./tensor.ts";
import { type Config, type Dimension, showValue, type Tensor, type Value, wrong } from "./value.ts";

/** A linear layer of an architecture: y = x · Wᵀ (+ bias), with the stored matrix [out, in]. */
export interface Linear {
  readonly name: string;
  /** Path in the checkpoint without `.weight`; `{layer}` stands for the block's number. */
  readonly at: string;
  /** What it reads; a dimension that is also in \`to\` is read under another identity, so that the matrix has both. */
  readonly from: readonly Dimension[];
  readonly to: readonly Dimension[];
  readonly inBlock: boolean;
  /** The table that it shares its weight with. */
  readonly tied: string | null;
  readonly span: Span;
}

export interface ArchInstance {
  readonly arch: Ast.Arch;
  readonly forward: Ast.Fn | null;
  readonly facts: ModelFacts | null;
  readonly scope: Scope;
  readonly blocks: {
    readonly count: Size;
    readonly variable: string;
    readonly scope: Scope;
    readonly forward: Ast.Fn;
  } | null;
  readonly linears: readonly Linear[];
  /** The stored tensors that it reads, with `{layer}` in the names of those of blocks. */
  readonly tensors: readonly StoredTensor[];
}

interface Building {
  readonly context: Context;
  readonly facts: ModelFacts | null;
  /** The block whose stored types the graph takes. */
  readonly layer: number;
  readonly linears: Linear[];
  readonly tensors: StoredTensor[];
  blocks: ArchInstance["blocks"];
}

/** Binds an architecture to a checkpoint's headers, or to symbolic sizes if there is none. */
export function instantiate(
  context: Context,
  arch: Ast.Arch,
  moduleScope: Scope,
  facts: ModelFacts | null,
  layer = 0,
): ArchInstance {
  const scope = scopeIn(moduleScope);
  const config: Config = { kind: "config", path: "config", value: facts?.config ?? null };
  scope.values.set("config", config);
  const building: Building = {
    context,
    facts,
    layer,
    linears: [],
    tensors: [],
    blocks: null,
  };
  declareMembers(building, scope, arch.members, "");
  return {
    arch,
    forward: forwardOf(context, arch),
    facts,
    scope,
    blocks: building.blocks,
    linears: building.linears,
    tensors: building.tensors,
  };
}

function declareMembers(building: Building, scope: Scope, members: readonly Ast.ArchMember[], prefix: string): void {
  for (const member of members) {
    switch (member.kind) {
      case "dim":
        declareSize(building, scope, member);
        break;
      case "weight":
      case "table":
        scope.values.set(member.name.text, storedWeight(building, scope, member, prefix));
        break;
      case "linear":
        declareLinear(building, scope, member, prefix);
        break;
      case "fn":
        scope.values.set(member.name.text, functionValue(member, scope));
        break;
      case "blocks":
        declareBlocks(building, scope, member);
        break;
      case "ignore":
        break;
    }
  }
}

/** The `forward` among the members of an architecture or of its blocks. */
function forwardOf(context: Context, { name, members }: Ast.Arch | Ast.Blocks): Ast.Fn | null {
  const found = members.find((member): member is Ast.Fn => member.kind === "fn" && member.name.text === "forward");
  if (!found) {
    const what = `\`fn\` in \`${name.text}\` named`;
    report(context, { kind: "unknown-name", span: name.span, name: "forward", what, known: [] });
  }
  return found ?? null;
}

function declareSize({ context, facts }: Building, scope: Scope, { name, value }: Ast.DimDeclaration): void {
  const found = evaluate(context, scope, value);
  declareDimension(scope, name.text, sizeFrom(context, found, name.text, value.span, facts !== null), "config");
}

/** The field of the config that an expression reads first, if it is that field or what stands in for it. */
const fieldIn = ({ file, start, end }: Span): string | undefined =>
  /^config\.([\w.]+)\s*(?:\?\?|$)/.exec(file.text.slice(start, end))?.[1];

const largest = 2 ** 31;

function sizeFrom(context: Context, value: Value, name: string, span: Span, bound: boolean): Size {
  if (
    value.kind === "number" &&
    value.real !== null &&
    Number.isInteger(value.real) &&
    value.real >= 1 &&
    value.real <= largest
  )
    return fixed(value.real);
  if (!bound || value.kind === "wrong") return open(name);
  if (value.kind === "absent")
    report(context, { kind: "config-missing", span, field: value.name.replace(/^config\./, ""), known: [] });
  else
    report(context, {
      kind: "config-value",
      span,
      field: fieldIn(span) ?? name,
      found: showValue(value),
      expected: `a whole number from 1 to ${largest}`,
    });
  return open(name);
}

/** The path of a block's tensors; whatever the blocks are called, slots say `{layer}` for the number. */
export const blockPrefix = ({ name, at }: Ast.Blocks): string => `${at.value.replaceAll(`{${name.text}}`, "{layer}")}.`;

function declareBlocks(building: Building, scope: Scope, blocks: Ast.Blocks): void {
  const { context } = building;
  const counted = evaluate(context, scope, blocks.count);
  const count = sizeFrom(context, counted, blocks.name.text, blocks.count.span, building.facts !== null);
  if ((known(count) ?? 1) > 4096)
    report(context, {
      kind: "config-value",
      span: blocks.count.span,
      field: fieldIn(blocks.count.span) ?? blocks.name.text,
      found: showSize(count),
      expected: "at most 4096 blocks",
    });
  const inside = scopeIn(scope);
  declareMembers(building, inside, blocks.members, blockPrefix(blocks));
  const forward = forwardOf(context, blocks);
  if (!forward) {
    scope.values.set(blocks.name.text, wrong);
    return;
  }
  building.blocks = { count, variable: blocks.name.text, scope: inside, forward };
  scope.values.set(blocks.name.text, {
    kind: "callable",
    name: blocks.name.text,
    call: (caller, from, call) => {
      const input = activationsOf(caller, from, blocks.name.text, call);
      return (input && caller.pass?.onBlocks(input, call.span)) ?? wrong;
    },
  });
}

/** A weight as a graph input in the type that it is stored in; reading it gives f32. */
function storedTensor(building: Building, tensor: StoredTensor, dims: readonly Dimension[]): Tensor | null {
  const { context, facts, layer } = building;
  building.tensors.push(tensor);
  const all: Tensor = { kind: "tensor", dtype: "f32", dims, node: null };
  if (!facts) return all;
  const dtype = checkStored(context, facts, tensor, layer);
  if (!dtype) return null;
  return {
    ...all,
    node: emit(
      context,
      "input",
      [],
      { name: tensor.name, type: { dtype, dims: graphDims(dims) }, role: "weight" },
      tensor.span,
    ),
  };
}

function storedWeight(
  building: Building,
  scope: Scope,
  { name, type, at, span }: Ast.WeightDeclaration,
  prefix: string,
): Value {
  const { context } = building;
  const named = type.kind === "tensor-type" ? type.dims : [];
  const dims = dimsNamed(
    context,
    scope,
    named.map((dim) => (dim.kind === "dim-name" ? dim.name : { text: "...", span: dim.span })),
  );
  return (
    storedTensor(
      building,
      {
        name: prefix + at.value,
        inBlock: prefix !== "",
        shape: dims.map(({ size }) => size),
        span,
        parts: `${name.text}, flat -> (${dims.map((dim) => `${dim.name}: size(${dim.name})`).join(", ")})`,
      },
      dims,
    ) ?? wrong
  );
}

/** Declared dimensions; one that is not declared is reported once, and then taken as if it were. */
function dimsNamed(context: Context, scope: Scope, names: readonly Ast.Name[]): Dimension[] {
  areDistinct(context, names, "declare another name for one of the two, as in `dim wide = size(model)`");
  return names.map(({ text: name, span }) => {
    const found = findDimension(scope, name);
    if (found) return found;
    const hint =
      name === "..." ? "a weight names all its dimensions" : `declare it, as in \`dim ${name} = config.hidden_size\``;
    report(context, { kind: "unknown-name", span, name, what: "dimension", known: knownNames(scope, "dims"), hint });
    return declareDimension(scope, name, open(name), "config");
  });
}

function declareLinear(
  building: Building,
  scope: Scope,
  { name, from, to, at, tied, span }: Ast.LinearDeclaration,
  prefix: string,
): void {
  const { context, facts } = building;
  const outputs = dimsNamed(context, scope, to);
  const inputs = dimsNamed(context, scope, from).map((dim) => (outputs.includes(dim) ? aside(dim) : dim));
  const path = prefix + at.value;
  const isTied = tied !== undefined && isTiedIn(building, scope, path, tied.condition);
  const linear: Linear = {
    name: name.text,
    at: path,
    from: inputs,
    to: outputs,
    inBlock: prefix !== "",
    tied: isTied ? tied.name.text : null,
    span,
  };
  building.linears.push(linear);
  const shared = isTied ? scope.values.get(tied.name.text) : undefined;
  const weight = isTied
    ? shared?.kind === "tensor"
      ? shared
      : null
    : storedTensor(
        building,
        { name: `${path}.weight`, inBlock: linear.inBlock, shape: [volume(outputs), volume(inputs)], span },
        [...outputs, ...inputs],
      );
  const bias = facts?.tensors.has(tensorName(`${path}.bias`, building.layer))
    ? storedTensor(building, { name: `${path}.bias`, inBlock: linear.inBlock, shape: [volume(outputs)], span }, outputs)
    : null;
  scope.values.set(name.text, {
    kind: "callable",
    name: name.text,
    call: (caller, at, call) => {
      const given = activationsOf(caller, at, name.text, call);
      const input = given && entering(caller, linear, given, call.span);
      if (input) caller.pass?.onLinear(linear, input, weight);
      return input && weight ? applyLinear(caller, linear, input, weight, bias, call.span) : wrong;
    },
  });
}

/** The one argument of a linear layer, or of the blocks. */
function activationsOf(
  context: Context,
  scope: Scope,
  name: string,
  { arguments: given, span }: Ast.Call,
): Tensor | null {
  const x = bindArguments(context, scope, name, [parameter("x")], given, span)?.values.get("x");
  if (x?.value.kind === "tensor") return x.value;
  if (x) report(context, { kind: "wrong-type", span: x.span, expected: "activations", found: showValue(x.value) });
  return null;
}

/** Where the condition is silent, a layer without a tensor of its own shares the table's. */
function isTiedIn(
  { context, facts, layer }: Building,
  scope: Scope,
  path: string,
  asked: Ast.Expression | undefined,
): boolean {
  const said = asked && condition(context, scope, asked);
  if (!facts || !said || said.value.kind === "absent" || !truth(context, said))
    return !facts?.tensors.has(tensorName(`${path}.weight`, layer));
  return said.value.kind === "boolean" && said.value.value === true;
}

const aside = (dim: Dimension): Dimension => ({ ...dim, id: `${dim.id} aside` });

/** The activations under the identities by which the layer reads them. */
function entering(context: Context, { from }: Linear, input: Tensor, span: Span): Tensor {
  let { node } = input;
  const dims = input.dims.map((dim) => {
    const own = from.find(({ id }) => id === aside(dim).id);
    if (own) node = emit(context, "rename", [node], { from: dim.id, to: own.id }, span);
    return own ?? dim;
  });
  return { ...input, dims, node };
}

function applyLinear(
  context: Context,
  { from, to, name }: Linear,
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  span: Span,
): Value {
  const lacks = from.find(({ id }) => !input.dims.some((dim) => dim.id === id));
  if (lacks)
    return report(context, {
      kind: "absent-dimension",
      span,
      name: lacks.name,
      type: showValue(input),
      value: span,
      known: input.dims.map((dim) => dim.name),
    });
  const clash = to.find(({ id }) => input.dims.some((dim) => dim.id === id) && !from.some((dim) => dim.id === id));
  if (clash)
    return report(context, {
      kind: "not-supported",
      span,
      what: `\`${name}\` on an input that carries \`${clash.name}\` already`,
    });
  const w = { ...weight, node: weight.node };
  const both: Tensor = {
    kind: "tensor",
    dtype: "f32",
    dims: [...input.dims, ...to],
    node: emit(context, "mul", [input.node, w.node], {}, span),
  };
  const result = reduceOf(context, "sum", both, from, span);
  if (!bias) return result;
  return arithmeticOf(context, "+", { value: result, span }, { value: bias, span }, span);
}
