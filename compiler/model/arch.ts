/** Architectures: dimensions from config.json, weights from the checkpoint, and the forward pass in three pieces. */

import type * as Ast from "../../grammar/ast.ts";
import { type Span, textAt } from "../../grammar/source.ts";
import { type Context, report } from "../language/context.ts";
import { evaluate, functionValue } from "../language/evaluate.ts";
import { activations, form } from "../language/kinds.ts";
import { number, unknownWhole } from "../language/number.ts";
import { declareDimension, declareValue, scopeIn } from "../language/scope.ts";
import { fixed, known, open, type Size, showSize } from "../language/size.ts";
import { type Config, fieldAt, type Scope, showPlain, sourceOf, type Value, wrong } from "../language/value.ts";
import { isNamed } from "../language/walk.ts";
import type { Problem } from "../problems/problem.ts";
import { blockPrefix, isStored, reportFaults, storedPath } from "./checkpoint.ts";
import { declareLinear, isTiedIn } from "./declare-linear.ts";
import { type Declaring, dimsNamed, storedTensor } from "./declaring.ts";
import { familyOf, type ModelFacts, namesOf } from "./facts.ts";
import { handed, inDeclaredOrder } from "./linear.ts";
import type { ModelType, Part } from "./value.ts";

/** Binds an architecture to a checkpoint's config and headers, or to symbolic sizes if there is none. */
export function modelType(context: Context, arch: Ast.Arch, moduleScope: Scope, facts: ModelFacts | null): ModelType {
  const scope = scopeIn(moduleScope);
  const config: Config = { kind: "config", path: "config", value: facts && typed(facts) };
  scope.values.set("config", config);
  const part = declaring({ context, facts }, null, new Map());
  declareMembers(part, scope, arch.members, "");
  const { blocks } = part;
  const faults = [...part.faults, ...(blocks?.part(0).faults ?? [])];
  if (facts)
    reportFaults(
      context,
      facts,
      faults.toSorted((a, b) => a.span.start - b.span.start),
    );
  const outside = partOf(part, scope, forwardOf(context, arch));
  const isFaulty = outside.isFaulty || (blocks?.part(0).isFaulty ?? false);
  return { arch, declaredIn: moduleScope, facts, outside, blocks, isFaulty };
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
  shared: new Map(),
  tables: new Map(tables),
  leftOut: [],
  faults: [],
  blocks: null,
  isFaulty: false,
});

const partOf = (
  { layer, linears, weights, leftOut, faults, isFaulty }: Declaring,
  scope: Scope,
  forward: Ast.Fn | null,
): Part => ({
  readsNumber: false,
  ...{ layer, scope, forward, linears, weights, leftOut, faults },
  isFaulty: isFaulty || faults.length > 0,
});

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
        declareValue(scope, member.name, storedWeight(part, scope, member, name));
        break;
      }
      case "linear":
        declareLinear(part, scope, member, members, prefix);
        break;
      case "fn":
        declareValue(scope, member.name, functionValue(member, scope));
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

function declareSize(part: Declaring, scope: Scope, { name, value }: Ast.DimDeclaration): void {
  declareDimension(scope, name.text, sizeFrom(part, scope, name.text, value), "config", { span: name.span });
}

/** The field of the config that an expression reads first, if it is that field, what stands in for it, or a function of it. */
const fieldIn = (span: Span): string | undefined =>
  /^(?:\w+\()?config\.([\w.]+)\s*(?:\?\?|,|where\b|$)/.exec(textAt(span))?.[1];

const largest = 2 ** 31;

function sizeFrom(part: Declaring, scope: Scope, name: string, expression: Ast.Expression): Size {
  const { context, facts } = part;
  const { span } = expression;
  const value = evaluate(context, scope, expression);
  if (
    value.kind === "number" &&
    value.real !== null &&
    Number.isInteger(value.real) &&
    value.real >= 1 &&
    value.real <= largest
  )
    return fixed(value.real);
  if (!facts) return open(name);
  part.isFaulty = true;
  if (value.kind === "wrong") return open(name);
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
  const count = sizeFrom(part, scope, blocks.name.text, blocks.to);
  if ((known(count) ?? 1) > 4096)
    report(context, {
      kind: "config-value",
      span: blocks.to.span,
      field: fieldIn(blocks.to.span) ?? null,
      dim: blocks.name.text,
      found: showSize(count),
      expected: "at most 4096 blocks",
    });
  if (blocks.from) report(context, { kind: "not-supported", span: blocks.from.span, ...firstNumber });
  if (!blocks.at.value.includes(`{${blocks.name.text}}`)) report(context, unnumbered(blocks));
  const forward = part.blocks ? null : forwardOf(context, blocks);
  if (part.blocks) report(context, { kind: "not-supported", span: blocks.name.span, ...secondKind });
  if (!forward) {
    scope.values.set(blocks.name.text, wrong);
    return;
  }
  const parts = new Map<number, Part>();
  const readsNumber = isNamed(blocks.name.text, blocks.members);
  const blockOf = (layer: number): Part => {
    const old = parts.get(layer);
    if (old) return old;
    const own = declaring(part, layer, part.tables);
    const inside = scopeIn(scope);
    declareValue(inside, blocks.name, part.facts ? { ...number(layer), blocks: known(count) ?? 0 } : unknownWhole);
    declareMembers(own, inside, blocks.members, blockPrefix(blocks));
    const made = { ...partOf(own, inside, forward), readsNumber };
    parts.set(layer, made);
    return made;
  };
  blockOf(0);
  part.blocks = { declaration: blocks, count, part: blockOf };
  const passing = form({ x: activations }, ({ x }, { context: caller, span }) => {
    const input = inDeclaredOrder(caller, forward, x.value, span);
    caller.trace.entries.push({ input, span });
    return handed(caller, input, span);
  });
  declareValue(scope, blocks.name, { kind: "callable", name: blocks.name.text, form: () => passing });
}

const firstNumber = {
  what: "a first block with another number than 0",
  hint: "all blocks of a model are of one kind, and numbered from 0",
};

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
        dims: dims.map((dim) => [dim]),
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
