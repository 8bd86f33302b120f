/** Linear layers of an architecture: where their matrices lie, and whether they have biases or share a table's weight. */
import type * as Ast from "../../grammar/ast.ts";
import { type Span, textAt } from "../../grammar/source.ts";
import { valueAt } from "../graph/value-at.ts";
import { type Context, note, report } from "../language/context.ts";
import { condition } from "../language/evaluate.ts";
import { activations, conditions, form, perhaps } from "../language/kinds.ts";
import { stacked, truth } from "../language/operations.ts";
import { declareValue } from "../language/scope.ts";
import { fixed, known } from "../language/size.ts";
import { type Dimension, graphDims, type Tensor, union, volume } from "../language/tensor.ts";
import type { Linear } from "../language/trace.ts";
import { type Call, dimsOf, type Operand, type Scope, type Value, wrong, wrongType } from "../language/value.ts";
import { isStored, pathOf, storedPath, tensorName } from "./declared-tensor.ts";
import { type Declaring, dimsNamed, storedTensor } from "./declaring.ts";
import { applyLinear, aside, entering } from "./linear.ts";
import { pieceOf } from "./pieces.ts";

/** Where a linear layer is declared. */
interface Declared {
  readonly part: Declaring;
  readonly scope: Scope;
  readonly declaration: Ast.LinearDeclaration;
  readonly members: readonly Ast.ArchMember[];
  readonly prefix: string;
  /** The dimension that its path has in braces, at each position of which there is a layer. */
  readonly along: Dimension | null;
}

/** A layer with its matrix, null if something is wrong with it, and its bias. */
interface Stored {
  readonly linear: Linear;
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
}

/**
 * Declares a linear layer, one of the members of an architecture or of its blocks; where a dimension stands in its path, one at each
 * position, which together are one function. While it is not known how many those are, one layer with that dimension stands for all.
 */
export function declareLinear(
  part: Declaring,
  scope: Scope,
  declaration: Ast.LinearDeclaration,
  members: readonly Ast.ArchMember[],
  prefix: string,
): void {
  const { name, present, at, span } = declaration;
  const [, dim] = inBraces.exec(at.value) ?? [];
  const along = dim === undefined ? null : (dimsNamed(part.context, scope, [{ text: dim, span: at.span }])[0] ?? null);
  const declared: Declared = { part, scope, declaration, members, prefix, along };
  const count = along ? known(along.size) : undefined;
  const positions: readonly Linear["position"][] =
    along && count !== undefined
      ? Array.from({ length: count }, (_, place) => ({ of: name.text, along, at: place }))
      : [null];
  const isAbsent = present !== undefined && isTrue(part, condition(part.context, scope, present)) === false;
  const layers = isAbsent ? [] : positions.map((position) => declareAt(declared, position));
  part.linears.push(...layers.map(({ linear }) => linear));
  const what = `\`${name.text}\`, which this block has not,`;
  const applying = isAbsent
    ? form({ x: activations }, (_, call) => report(call.context, { kind: "not-supported", span, what }))
    : form({ x: activations, reached: perhaps(conditions) }, ({ x, reached }, call) =>
        applyLayers(call, layers, along, x.value, reached),
      );
  declareValue(scope, name, { kind: "callable", name: name.text, form: () => applying });
}

const inBraces = /\{(\w+)\}/;

/** One layer: all that is declared, or that at a position. */
function declareAt(
  { part, scope, declaration, members, prefix, along }: Declared,
  position: Linear["position"],
): Stored {
  const { context } = part;
  const { name, from, to, isInFirst = false, bias: biased, tied, span } = declaration;
  const outputs = dimsNamed(context, scope, to);
  const inputs = dimsNamed(context, scope, from).map((dim) => (outputs.includes(dim) ? aside(dim) : dim));
  const at = position ? declaration.at.value.replace(inBraces, String(position.at)) : declaration.at.value;
  const matrix = storedPath(part, `${prefix}${at}.weight`);
  const path = pathOf(matrix);
  const hasOwn = isStored(part, matrix);
  if (tied) requireTable(part, tied.name);
  const isTied = tied !== undefined && (isTiedIn(part, scope, tied.condition) ?? !hasOwn);
  const table = isTied ? part.tables.get(tied.name.text) : undefined;
  const isBoth = hasOwn && table !== undefined && table !== matrix;
  if (isBoth) note(context, { kind: "tied-stored", span, tensor: matrix, table });
  const isShared = isTied && !isBoth;
  const linear: Linear = {
    ...{
      name: nameAt(name, position),
      position,
      at: path,
      weight: isShared ? (table ?? matrix) : matrix,
      from: inputs,
      to: outputs,
      isInFirst,
    },
    among: placeAmong(part, scope, declaration, members, position),
    tied: isTied ? tied.name.text : null,
    isTable: false,
    span,
  };
  const open = along && !position ? [along] : [];
  const weight = isShared ? sharedTensor(scope, tied.name.text) : lying(part, linear, matrix, inputs, open);
  const offset = `${path}.bias`;
  const bias = hasBias(part, scope, offset, biased) ? lying(part, linear, offset, null, open) : null;
  return { linear, weight, bias };
}

function requireTable({ context, tables }: Declaring, { text: name, span }: Ast.Name): void {
  if (!tables.has(name))
    report(context, { kind: "unknown-name", span, name, what: "table", known: [...tables.keys()] });
}

const nameAt = ({ text }: Ast.Name, position: Linear["position"]): string =>
  position ? `${text}[${position.at}]` : text;

/** What layers make of activations: one of it, those at positions each of what there is at its own. */
function applyLayers(
  { context, span }: Call,
  layers: readonly Stored[],
  along: Dimension | null,
  x: Tensor,
  reached: Operand | undefined,
): Value {
  const read = layers[0]?.linear.from.map(({ id }) => id) ?? [];
  const given = x.dims.filter((dim) => dim.id !== along?.id && !read.includes(dim.id) && !read.includes(aside(dim).id));
  const [odd] = dimsOf(reached?.value ?? wrong).filter(
    (dim) => dim.id !== along?.id && !given.some(({ id }) => id === dim.id),
  );
  if (reached && odd)
    return wrongType(context, reached, `a condition of the tokens that \`${layers[0]?.linear.name}\` reads`);
  const made = layers.map((layer) => applyAt(context, layer, along, { x, reached: reached?.value }, span));
  const tensors = made.flatMap((each) => (each.kind === "tensor" ? [each] : []));
  const [first] = tensors;
  if (!first || tensors.length < layers.length) return wrong;
  if (!layers[0]?.linear.position || !along) return first;
  const nodes = tensors.map(({ node }) => node);
  return { ...first, dims: [along, ...first.dims], node: stacked(context, nodes, along, span) };
}

/** What one layer makes of what reaches it, and 0 of what does not. */
function applyAt(
  context: Context,
  { linear, weight, bias }: Stored,
  along: Dimension | null,
  { x, reached }: { readonly x: Tensor; readonly reached: Value | undefined },
  span: Span,
): Value {
  if (!weight) return wrong;
  const { position } = linear;
  const own = (of: Tensor): Tensor => (position ? atPosition(context, of, position) : of);
  const input = entering(context, linear, own(x), span);
  const those = reached?.kind === "tensor" ? own(reached) : null;
  context.trace.linears.push({ linear, input, reached: those?.node ?? null, weight, bias });
  context.trace.marks++;
  const isOpen = along !== null && !position && !input.dims.some(({ id }) => id === along.id);
  const to = isOpen ? [along, ...linear.to] : linear.to;
  const made = applyLinear(context, { ...linear, to }, input, weight, bias, span);
  return those && made.kind === "tensor" ? where(context, those, made, span) : made;
}

const atPosition = ({ maker }: Context, x: Tensor, { along, at }: NonNullable<Linear["position"]>): Tensor => ({
  ...x,
  dims: x.dims.filter(({ id }) => id !== along.id),
  node: valueAt(maker, x.node, along.id, at),
});

/** `y where reached` */
function where({ maker: { make } }: Context, reached: Tensor, y: Tensor, span: Span): Tensor {
  const none = make("constant", [], { value: 0, dtype: y.dtype }, span);
  return { ...y, dims: union(y.dims, reached.dims), node: make("select", [reached.node, y.node, none], {}, span) };
}

/** Layers at one path share its tensors, and lie in them one after the other, as they are declared; null if it is alone. */
function placeAmong(
  part: Declaring,
  scope: Scope,
  declaration: Ast.LinearDeclaration,
  members: readonly Ast.ArchMember[],
  position: Linear["position"],
): Linear["among"] {
  const all = members.flatMap((each) =>
    each.kind === "linear" && each.at.value === declaration.at.value ? [each] : [],
  );
  const odd = declaration.within?.find(({ text }, i) => text !== declaration.to[i]?.text);
  if (odd)
    report(part.context, {
      kind: "not-supported",
      span: odd.span,
      what: `a matrix in runs of \`${odd.text}\`, with which the outputs of \`${declaration.name.text}\` do not begin,`,
      hint: `\`[kv, out, in]\` stands behind the path of a layer to \`(kv, head)\``,
    });
  const [first] = all;
  if (first === undefined || all.length < 2) return null;
  if (formOf(first) !== formOf(declaration) || declaration.tied)
    report(part.context, {
      kind: "not-supported",
      span: declaration.at.span,
      what: `\`${declaration.name.text}\` at the path of \`${first.name.text}\`, from which it differs by more than its outputs,`,
      hint: "layers at one path lie one after the other in its matrix: all have the same inputs, the same order and the same condition of their biases",
    });
  const within = dimsNamed(part.context, scope, declaration.within ?? []);
  const of = all.map(({ to }) => dimsNamed(part.context, scope, to));
  const sizes = of.flatMap((dims) => known(volume(dims)) ?? []);
  if (!part.facts || sizes.length < of.length) return null;
  const size = fixed(sizes.reduce((sum, each) => sum + each, 0));
  const rows: Dimension = { id: "stored rows", name: "rows", size, source: "the layers at this path" };
  return { rows, within, of, names: all.map(({ name }) => nameAt(name, position)), place: all.indexOf(declaration) };
}

/** What layers at one path have in common. */
const formOf = ({ from, isInFirst, within = [], bias }: Ast.LinearDeclaration): string =>
  JSON.stringify([
    ...[from, within].map((names) => names.map(({ text }) => text)),
    isInFirst === true,
    bias ? textAt(bias.span) : null,
  ]);

/** The layer's matrix or, without inputs, its bias: a stored tensor, or its part of one; of layers that are not counted yet, `open` has their dimension. */
function lying(
  part: Declaring,
  linear: Linear,
  name: string,
  inputs: readonly Dimension[] | null,
  open: readonly Dimension[],
): Tensor | null {
  const { to, isInFirst, among, span } = linear;
  const outputs = [...open, ...(among ? [among.rows] : to)];
  const dims = inputs === null ? [outputs] : isInFirst ? [inputs, outputs] : [outputs, inputs];
  const called = (among?.names ?? [linear.name]).join(", ");
  const tensor = { name, called: inputs === null ? `bias of ${called}` : called, dims, span, isInFirst };
  if (!among) return storedTensor(part, tensor, dims.flat());
  const old = part.shared.get(name);
  const whole = old === undefined ? storedTensor(part, { ...tensor, pieces: among }, dims.flat()) : old;
  part.shared.set(name, whole);
  return (
    whole && {
      ...whole,
      dims: whole.dims.flatMap((dim) => (dim.id === among.rows.id ? to : [dim])),
      node: pieceOf(part.context.maker, whole.node, among, among.place, graphDims(to), span),
    }
  );
}

function sharedTensor(scope: Scope, table: string): Tensor | null {
  const shared = scope.values.get(table);
  return shared?.kind === "tensor" ? shared : null;
}

/** Without a condition, a layer has the bias that the checkpoint has; else the condition decides, and another one is left out. */
function hasBias(part: Declaring, scope: Scope, bias: string, asked: Ast.Expression | undefined): boolean {
  const { layer, leftOut } = part;
  if (!asked) return isStored(part, bias);
  const said = isTrue(part, condition(part.context, scope, asked));
  if (said === false) leftOut.push(tensorName(bias, layer));
  return said === true;
}

/** What the condition says of sharing; null where it is silent. */
export function isTiedIn(part: Declaring, scope: Scope, asked: Ast.Expression | undefined): boolean | null {
  const said = asked && condition(part.context, scope, asked);
  return !said || said.value.kind === "absent" ? null : isTrue(part, said);
}

/** Null while it is not known; a problem if it is no condition, and then what depends on it is not bound. */
function isTrue(part: Declaring, said: Operand): boolean | null {
  const { value } = said;
  if (!truth(part.context, said)) part.isFaulty = true;
  return value.kind === "boolean" ? value.value : null;
}
