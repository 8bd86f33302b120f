/** Architectures: dimensions from config.json, weights from the checkpoint, and the forward pass in three pieces. */

import type * as Ast from "../../grammar/ast.ts";
import { type Span, textAt } from "../../grammar/source.ts";
import { type Context, report } from "../language/context.ts";
import { evaluate, functionValue } from "../language/evaluate.ts";
import { activations, form } from "../language/kinds.ts";
import { number, unknownWhole } from "../language/number.ts";
import { declareDimension, declareValue, scopeIn } from "../language/scope.ts";
import { fixed, known, open, type Size, showSize } from "../language/size.ts";
import {
  type Architecture,
  type Config,
  fieldAt,
  type Scope,
  showPlain,
  sourceOf,
  type Value,
  wrong,
} from "../language/value.ts";
import { isNamed } from "../language/walk.ts";
import type { Problem } from "../problems/problem.ts";
import { blockPrefix, reportFaults } from "./check-checkpoint.ts";
import { declareLinear, isTiedIn } from "./declare-linear.ts";
import { isStored, pathOf, storedPath } from "./declared-tensor.ts";
import { type Declaring, dimsNamed, storedTensor } from "./declaring.ts";
import { familyOf, type ModelFacts, namesOf } from "./facts.ts";
import { handed, inDeclaredOrder } from "./linear.ts";
import { firstBlocks, type ModelType, type Part } from "./value.ts";

/** Binds an architecture to a checkpoint's config and headers, or to symbolic sizes if there is none. */
export function modelType(context: Context, arch: Architecture, facts: ModelFacts | null): ModelType {
  const { declaration, homes } = arch;
  const scope = scopeIn(arch.scope);
  const config: Config = { kind: "config", path: "config", value: facts && typed(facts) };
  scope.values.set("config", config);
  const scopeOf = (member: Ast.ArchMember): Scope => ({ ...scope, parent: homes.get(member) ?? arch.scope });
  const part = declaring({ context, facts, scopeOf, tables: new Map() }, null);
  declareMembers(part, declaration.members, "");
  const { blocks } = part;
  const first = firstBlocks(blocks);
  const faults = [part, ...first].flatMap((each) => each.faults);
  if (facts)
    reportFaults(
      context,
      facts,
      faults.toSorted((a, b) => a.span.start - b.span.start),
    );
  const outside = partOf(part, scope, forwardOf(context, declaration));
  const isFaulty = [outside, ...first].some((each) => each.isFaulty);
  return { arch, facts, outside, blocks, isFaulty };
}

const declaring = (
  { context, facts, scopeOf, tables }: Pick<Declaring, "context" | "facts" | "scopeOf" | "tables">,
  layer: number | null,
): Declaring => ({
  context,
  facts,
  layer,
  scopeOf,
  linears: [],
  matrices: [],
  weights: [],
  shared: new Map(),
  tables: new Map(tables),
  leftOut: [],
  faults: [],
  blocks: [],
  isFaulty: false,
});

const partOf = (
  { layer, scopeOf, linears, matrices, weights, leftOut, faults, isFaulty }: Declaring,
  scope: Scope,
  forward: Ast.Fn | null,
): Part => ({
  readsNumber: false,
  ...{ layer, scope: forward ? scopeOf(forward) : scope, forward, linears, weights, leftOut, faults },
  tables: matrices.filter(({ weight }) => !linears.some((linear) => linear.weight === weight)),
  isFaulty: isFaulty || faults.length > 0,
});

/** config.json with its `model_type`, which an old one has in its architectures alone. */
function typed({ config }: ModelFacts): Config["value"] {
  const { architecture, type } = namesOf({ config });
  return type === undefined && architecture !== undefined ? { ...config, model_type: familyOf(architecture) } : config;
}

function declareMembers(part: Declaring, members: readonly Ast.ArchMember[], prefix: string): void {
  for (const member of members) {
    const scope = part.scopeOf(member);
    switch (member.kind) {
      case "dim":
        declareSize(part, scope, member, isOfLayers(member, members));
        break;
      case "weight":
      case "table": {
        const name = tableName(part, member, members, prefix);
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
        declareBlocks(part, scope, member, members.findLast(({ kind }) => kind === "blocks") === member);
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

function declareSize(part: Declaring, scope: Scope, { name, value }: Ast.DimDeclaration, isOfLayers: boolean): void {
  const size = sizeFrom(part, scope, name.text, value);
  declareDimension(scope, name.text, size, "config", { span: name.span, ...(isOfLayers && { isOfLayers }) });
}

/** Whether there are linear layers at its positions. */
const isOfLayers = ({ name }: Pick<Ast.DimDeclaration, "name">, members: readonly Ast.ArchMember[]): boolean =>
  members.some((each) =>
    each.kind === "blocks"
      ? isOfLayers({ name }, each.members)
      : each.kind === "linear" && each.at.value.includes(`{${name.text}}`),
  );

/** The field of the config that an expression reads first, if it is that field, what stands in for it, or a function of it. */
const fieldIn = (span: Span): string | undefined =>
  /^(?:\w+\()?config\.([\w.]+)\s*(?:\?\?|,|where\b|$)/.exec(textAt(span))?.[1];

const largest = 2 ** 31;

function sizeFrom(part: Declaring, scope: Scope, name: string, expression: Ast.Expression, least = 1): Size {
  const { context, facts } = part;
  const { span } = expression;
  const value = evaluate(context, scope, expression);
  if (
    value.kind === "number" &&
    value.real !== null &&
    Number.isInteger(value.real) &&
    value.real >= least &&
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
      expected: `a whole number from ${least} to ${largest}`,
    });
  return open(name);
}

/** From which number blocks go to which: on from those before them. There may be none of a kind, unless it is the last. */
function rangeOf(part: Declaring, scope: Scope, { name, from: first, to: last }: Ast.Blocks, isLast: boolean) {
  const { context } = part;
  const begin = known(part.blocks.at(-1)?.to ?? fixed(0));
  const from = first ? sizeFrom(part, scope, name.text, first, 0) : fixed(0);
  const to = sizeFrom(part, scope, name.text, last, isLast ? Math.max(begin ?? 0, 1) : (begin ?? 0));
  const isTooMany = (known(to) ?? 1) > 4096;
  if (isTooMany)
    report(context, {
      kind: "config-value",
      span: last.span,
      field: fieldIn(last.span) ?? null,
      dim: name.text,
      found: showSize(to),
      expected: "at most 4096 blocks",
    });
  if (begin !== undefined && (known(from) ?? begin) !== begin) {
    part.isFaulty = true;
    report(context, {
      kind: "not-supported",
      span: first?.span ?? name.span,
      what: `a first block with the number ${showSize(from)}, where those before it end at ${begin},`,
      hint: "kinds of blocks are numbered one after the other, from 0: `blocks dense: n`, `blocks sparse: n .. all`",
    });
  }
  if (isTooMany) part.isFaulty = true;
  return { from, to: isTooMany ? open(name.text) : to };
}

function declareBlocks(part: Declaring, scope: Scope, blocks: Ast.Blocks, isLast: boolean): void {
  const { context } = part;
  const { name, at } = blocks;
  const { from, to } = rangeOf(part, scope, blocks, isLast);
  if (!at.value.includes(`{${name.text}}`)) report(context, unnumbered(blocks));
  const forward = forwardOf(context, blocks);
  const isNowhere = part.facts !== null && part.blocks.length > 0 && known(to) === undefined;
  if (!forward || isNowhere) {
    scope.values.set(name.text, wrong);
    return;
  }
  const parts = new Map<number, Part>();
  const count = isLast ? known(to) : undefined;
  const numberOf = (layer: number): Value =>
    part.facts ? { ...number(layer), ...(count !== undefined && { blocks: count }) } : unknownWhole;
  const readsNumber = isNamed(blocks.name.text, blocks.members);
  const blockOf = (layer: number): Part => {
    const old = parts.get(layer);
    if (old) return old;
    const inside = scopeIn(scope);
    const scopeOf = (member: Ast.ArchMember): Scope => ({ ...inside, parent: part.scopeOf(member) });
    const own = declaring({ ...part, scopeOf }, layer);
    declareValue(inside, blocks.name, numberOf(layer));
    declareMembers(own, blocks.members, blockPrefix(blocks));
    const made = { ...partOf(own, inside, forward), readsNumber };
    parts.set(layer, made);
    return made;
  };
  const kind = { declaration: blocks, from, to, part: blockOf };
  part.blocks.push(kind);
  firstBlocks([kind]);
  const passing = form({ x: activations }, ({ x }, { context: caller, span }) => {
    const input = inDeclaredOrder(caller, forward, x.value, span);
    caller.trace.entries.push({ input, span, blocks: blocks.name.text });
    caller.trace.marks++;
    return handed(caller, input, span);
  });
  declareValue(scope, blocks.name, { kind: "callable", name: blocks.name.text, form: () => passing });
}

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
  { kind, name, type, span }: Ast.WeightDeclaration,
  tensor: string,
): Value {
  const { context, matrices } = part;
  const named = type.kind === "tensor-type" ? type.dims : [];
  const names = named.map((dim) =>
    dim.kind === "dim-name" ? (dim.parts?.map((part) => part.name) ?? [dim.name]) : [{ text: "...", span: dim.span }],
  );
  const dims = dimsNamed(context, scope, names.flat());
  const [row, column, ...others] = dims;
  if (kind === "table" && row && column && others.length === 0)
    matrices.push({
      ...{ name: name.text, at: pathOf(tensor), weight: tensor, from: [column], to: [row] },
      ...{ isInFirst: false, position: null, among: null, tied: null, isTable: true, span },
    });
  return (
    storedTensor(
      part,
      {
        name: tensor,
        called: name.text,
        dims: names.map((group) => dims.filter((dim) => group.some(({ text }) => text === dim.name))),
        span,
        parts: `flat = (${dims.map((dim) => dim.name).join(", ")})`,
      },
      dims,
    ) ?? wrong
  );
}

/** The stored tensor of a weight; of a table that is not stored, that of the layer which shares it. */
function tableName(
  part: Declaring,
  { name, at }: Ast.WeightDeclaration,
  members: readonly Ast.ArchMember[],
  prefix: string,
): string {
  const own = storedPath(part, prefix + at.value);
  if (isStored(part, own)) return own;
  for (const member of members) {
    if (member.kind !== "linear" || member.tied?.name.text !== name.text) continue;
    const path = `${prefix}${member.at.value}.weight`;
    if (isStored(part, path) && isTiedIn(part, part.scopeOf(member), member.tied.condition) !== false) return path;
  }
  return own;
}
