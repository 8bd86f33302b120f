/** Architectures: dimensions from config.json, weights from the checkpoint, and the forward pass in three pieces. */
import type * as Ast from "../../grammar/ast.ts";
import { type Span, textAt } from "../../grammar/source.ts";
import { functionValue } from "../language/call.ts";
import {
  type Context,
  findDimension,
  knownNames,
  type Linear,
  note,
  report,
  type Scope,
  scopeIn,
} from "../language/context.ts";
import { condition, evaluate } from "../language/expression.ts";
import { areDistinct } from "../language/names.ts";
import { declareDimension } from "../language/signature.ts";
import { fixed, known, open, type Size, showSize } from "../language/size.ts";
import { emit, graphDims, truth, volume } from "../language/tensor.ts";
import {
  type Config,
  type Dimension,
  fieldAt,
  showPlain,
  sourceOf,
  type Tensor,
  type Value,
  wrong,
} from "../language/value.ts";
import type { Problem } from "../problems/problem.ts";
import {
  blockPrefix,
  type Fault,
  isStored,
  reportFaults,
  type StoredTensor,
  storedPath,
  storedType,
  tensorName,
} from "./checkpoint.ts";
import { familyOf, type ModelFacts, namesOf } from "./facts.ts";
import { activationsOf, applyLinear, aside, entering } from "./linear.ts";
import type { Blocks, ModelType, Part } from "./value.ts";

/** What is gathered while the members of an architecture, or of its blocks, are declared. */
interface Declaring {
  readonly context: Context;
  readonly facts: ModelFacts | null;
  /** Null outside of the blocks. */
  readonly layer: number | null;
  readonly linears: Linear[];
  readonly weights: StoredTensor[];
  /** Which stored tensor each table reads. */
  readonly tables: Map<string, string>;
  readonly leftOut: string[];
  readonly faults: Fault[];
  blocks: Blocks | null;
}

/** Binds an architecture to a checkpoint's config and headers, or to symbolic sizes if there is none. */
export function modelType(context: Context, arch: Ast.Arch, moduleScope: Scope, facts: ModelFacts | null): ModelType {
  const scope = scopeIn(moduleScope);
  const config: Config = { kind: "config", path: "config", value: facts && typed(facts) };
  scope.values.set("config", config);
  const part = declaring({ context, facts }, null, new Map());
  declareMembers(part, scope, arch.members, "");
  const faults = [...part.faults, ...(part.blocks?.part(0).faults ?? [])];
  if (facts)
    reportFaults(
      context,
      facts,
      faults.toSorted((a, b) => a.span.start - b.span.start),
    );
  return { arch, facts, outside: partOf(part, scope, forwardOf(context, arch)), blocks: part.blocks };
}

const declaring = (
  { context, facts }: Pick<Declaring, "context" | "facts">,
  layer: number | null,
  tables: ReadonlyMap<string, string>,
): Declaring => ({
  context,
  facts,
  layer,
  linears: [],
  weights: [],
  tables: new Map(tables),
  leftOut: [],
  faults: [],
  blocks: null,
});

const partOf = (
  { layer, linears, weights, leftOut, faults }: Declaring,
  scope: Scope,
  forward: Ast.Fn | null,
): Part => ({ layer, scope, forward, linears, weights, leftOut, faults });

/** config.json with its `model_type`, which an old one has in its architectures alone. */
function typed({ config }: ModelFacts): Config["value"] {
  const { architecture, type } = namesOf({ config });
  return type === undefined && architecture !== undefined ? { ...config, model_type: familyOf(architecture) } : config;
}

function declareMembers(part: Declaring, scope: Scope, members: readonly Ast.ArchMember[], prefix: string): void {
  for (const member of members) {
    switch (member.kind) {
      case "dim":
        declareSize(part, scope, member);
        break;
      case "weight":
      case "table": {
        const name = tableName(part, scope, member, members, prefix);
        part.tables.set(member.name.text, name);
        scope.values.set(member.name.text, storedWeight(part, scope, member, name));
        break;
      }
      case "linear":
        declareLinear(part, scope, member, prefix);
        break;
      case "fn":
        scope.values.set(member.name.text, functionValue(member, scope));
        break;
      case "blocks":
        declareBlocks(part, scope, member);
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

function declareSize({ context, facts }: Declaring, scope: Scope, { name, value }: Ast.DimDeclaration): void {
  const found = evaluate(context, scope, value);
  declareDimension(scope, name.text, sizeFrom(context, found, name.text, value.span, facts !== null), "config");
}

/** The field of the config that an expression reads first, if it is that field, what stands in for it, or a function of it. */
const fieldIn = (span: Span): string | undefined =>
  /^(?:\w+\()?config\.([\w.]+)\s*(?:\?\?|,|where\b|$)/.exec(textAt(span))?.[1];

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
  if (value.kind === "absent") report(context, { kind: "config-missing", span, field: fieldAt(value.name), known: [] });
  else
    report(context, {
      kind: "config-value",
      span,
      field: sourceOf(value) ?? fieldIn(span) ?? null,
      dim: name,
      found: showPlain(value),
      expected: `a whole number from 1 to ${largest}`,
    });
  return open(name);
}

function declareBlocks(part: Declaring, scope: Scope, blocks: Ast.Blocks): void {
  const { context } = part;
  const counted = evaluate(context, scope, blocks.count);
  const count = sizeFrom(context, counted, blocks.name.text, blocks.count.span, part.facts !== null);
  if ((known(count) ?? 1) > 4096)
    report(context, {
      kind: "config-value",
      span: blocks.count.span,
      field: fieldIn(blocks.count.span) ?? null,
      dim: blocks.name.text,
      found: showSize(count),
      expected: "at most 4096 blocks",
    });
  if (!blocks.at.value.includes(`{${blocks.name.text}}`)) report(context, unnumbered(blocks));
  const forward = part.blocks ? null : forwardOf(context, blocks);
  if (part.blocks) report(context, { kind: "not-supported", span: blocks.name.span, ...secondKind });
  if (!forward) {
    scope.values.set(blocks.name.text, wrong);
    return;
  }
  const parts = new Map<number, Part>();
  const blockOf = (layer: number): Part => {
    const old = parts.get(layer);
    if (old) return old;
    const own = declaring(part, layer, part.tables);
    const inside = scopeIn(scope);
    declareMembers(own, inside, blocks.members, blockPrefix(blocks));
    const made = partOf(own, inside, forward);
    parts.set(layer, made);
    return made;
  };
  blockOf(0);
  part.blocks = { declaration: blocks, count, part: blockOf };
  scope.values.set(blocks.name.text, {
    kind: "callable",
    name: blocks.name.text,
    call: (caller, from, call) => {
      const input = activationsOf(caller, from, blocks.name.text, call);
      return (input && caller.pass?.onBlocks(input, call.span)) ?? wrong;
    },
  });
}

const secondKind = {
  what: "a second kind of block",
  hint: "all blocks of a model are of one kind: what differs between them may depend on fields of config.json",
};

/** Blocks whose tensors would all have the same names. */
const unnumbered = ({ name: { text }, at: { span } }: Ast.Blocks): Problem => ({
  kind: "not-supported",
  span,
  what: "blocks that share their tensors",
  hint: `\`{${text}}\` in the path stands for the number of a block, as in \`"model.layers.{${text}}"\``,
});

/** A weight as a graph input in the type that it is stored in; reading it gives f32. */
function storedTensor(part: Declaring, tensor: StoredTensor, dims: readonly Dimension[]): Tensor | null {
  const { context, facts } = part;
  part.weights.push(tensor);
  const all: Tensor = { kind: "tensor", dtype: "f32", dims, node: null };
  if (!facts) return all;
  const dtype = storedType(part, tensor);
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
  part: Declaring,
  scope: Scope,
  { name, type, span }: Ast.WeightDeclaration,
  tensor: string,
): Value {
  const { context } = part;
  const named = type.kind === "tensor-type" ? type.dims : [];
  const dims = dimsNamed(
    context,
    scope,
    named.map((dim) => (dim.kind === "dim-name" ? dim.name : { text: "...", span: dim.span })),
  );
  return (
    storedTensor(
      part,
      {
        name: tensor,
        shape: dims.map(({ size }) => size),
        span,
        parts: `${name.text}, flat -> (${dims.map((dim) => `${dim.name}: size(${dim.name})`).join(", ")})`,
      },
      dims,
    ) ?? wrong
  );
}

/** The stored tensor of a weight; of a table that is not stored, that of the layer which shares it. */
function tableName(
  part: Declaring,
  scope: Scope,
  { name, at }: Ast.WeightDeclaration,
  members: readonly Ast.ArchMember[],
  prefix: string,
): string {
  const own = storedPath(part, prefix + at.value);
  if (isStored(part, own)) return own;
  for (const member of members) {
    if (member.kind !== "linear" || member.tied?.name.text !== name.text) continue;
    const path = `${prefix}${member.at.value}.weight`;
    if (isStored(part, path) && isTiedIn(part, scope, member.tied.condition) !== false) return path;
  }
  return own;
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
  part: Declaring,
  scope: Scope,
  { name, from, to, at, bias: biased, tied, span }: Ast.LinearDeclaration,
  prefix: string,
): void {
  const { context } = part;
  const outputs = dimsNamed(context, scope, to);
  const inputs = dimsNamed(context, scope, from).map((dim) => (outputs.includes(dim) ? aside(dim) : dim));
  const matrix = storedPath(part, `${prefix}${at.value}.weight`);
  const path = matrix.slice(0, -".weight".length);
  const hasOwn = isStored(part, matrix);
  const isTied = tied !== undefined && (isTiedIn(part, scope, tied.condition) ?? !hasOwn);
  const linear: Linear = {
    name: name.text,
    at: path,
    from: inputs,
    to: outputs,
    tied: isTied ? tied.name.text : null,
    span,
  };
  part.linears.push(linear);
  const table = isTied ? part.tables.get(tied.name.text) : undefined;
  const isBoth = hasOwn && table !== undefined && table !== matrix;
  if (isBoth) note(context, { kind: "tied-stored", span, tensor: matrix, table });
  const shape = [volume(outputs), volume(inputs)];
  const weight =
    isTied && !isBoth
      ? sharedTensor(scope, tied.name.text)
      : storedTensor(part, { name: matrix, shape, span }, [...outputs, ...inputs]);
  const offset: StoredTensor = { name: `${path}.bias`, shape: [volume(outputs)], span };
  const bias = hasBias(part, scope, offset, biased) ? storedTensor(part, offset, outputs) : null;
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

function sharedTensor(scope: Scope, table: string): Tensor | null {
  const shared = scope.values.get(table);
  return shared?.kind === "tensor" ? shared : null;
}

/** Without a condition, a layer has the bias that the checkpoint has; else the condition decides, and another one is left out. */
function hasBias(part: Declaring, scope: Scope, bias: StoredTensor, asked: Ast.Expression | undefined): boolean {
  const { context, layer, leftOut } = part;
  if (!asked) return isStored(part, bias.name);
  const said = condition(context, scope, asked);
  if (!truth(context, said)) return false;
  const has = said.value.kind === "boolean" && said.value.value === true;
  if (!has) leftOut.push(tensorName(bias.name, layer));
  return has;
}

/** What the condition says of sharing; null where it is silent. */
function isTiedIn({ context, facts }: Declaring, scope: Scope, asked: Ast.Expression | undefined): boolean | null {
  const said = asked && condition(context, scope, asked);
  if (!facts || !said || said.value.kind === "absent" || !truth(context, said)) return null;
  return said.value.kind === "boolean" && said.value.value === true;
}
