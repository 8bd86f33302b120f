/** Linear layers of an architecture: where their matrices lie, and whether they have biases or share a table's weight. */
import type * as Ast from "../../grammar/ast.ts";
import { textAt } from "../../grammar/source.ts";
import { note, report } from "../language/context.ts";
import { condition } from "../language/evaluate.ts";
import { activations, form } from "../language/kinds.ts";
import { truth } from "../language/operations.ts";
import { declareValue } from "../language/scope.ts";
import { fixed, known } from "../language/size.ts";
import { type Dimension, graphDims, type Tensor, volume } from "../language/tensor.ts";
import type { Linear } from "../language/trace.ts";
import { type Operand, type Scope, wrong } from "../language/value.ts";
import { isStored, pathOf, storedPath, tensorName } from "./declared-tensor.ts";
import { type Declaring, dimsNamed, storedTensor } from "./declaring.ts";
import { applyLinear, aside, entering } from "./linear.ts";
import { pieceOf } from "./pieces.ts";

/** Declares a linear layer, one of the members of an architecture or of its blocks. */
export function declareLinear(
  part: Declaring,
  scope: Scope,
  declaration: Ast.LinearDeclaration,
  members: readonly Ast.ArchMember[],
  prefix: string,
): void {
  const { context } = part;
  const { name, from, to, at, isInFirst = false, bias: biased, tied, span } = declaration;
  const outputs = dimsNamed(context, scope, to);
  const inputs = dimsNamed(context, scope, from).map((dim) => (outputs.includes(dim) ? aside(dim) : dim));
  const matrix = storedPath(part, `${prefix}${at.value}.weight`);
  const path = pathOf(matrix);
  const hasOwn = isStored(part, matrix);
  if (tied && !part.tables.has(tied.name.text)) {
    const { text: name, span } = tied.name;
    report(context, { kind: "unknown-name", span, name, what: "table", known: [...part.tables.keys()] });
  }
  const isTied = tied !== undefined && (isTiedIn(part, scope, tied.condition) ?? !hasOwn);
  const table = isTied ? part.tables.get(tied.name.text) : undefined;
  const isBoth = hasOwn && table !== undefined && table !== matrix;
  if (isBoth) note(context, { kind: "tied-stored", span, tensor: matrix, table });
  const isShared = isTied && !isBoth;
  const linear: Linear = {
    ...{
      name: name.text,
      at: path,
      weight: isShared ? (table ?? matrix) : matrix,
      from: inputs,
      to: outputs,
      isInFirst,
    },
    among: placeAmong(part, scope, declaration, members),
    tied: isTied ? tied.name.text : null,
    isTable: false,
    span,
  };
  part.linears.push(linear);
  const weight = isShared ? sharedTensor(scope, tied.name.text) : lying(part, linear, matrix, inputs);
  const offset = `${path}.bias`;
  const bias = hasBias(part, scope, offset, biased) ? lying(part, linear, offset, null) : null;
  const applying = form({ x: activations }, ({ x }, { context: caller, span }) => {
    if (!weight) return wrong;
    const input = entering(caller, linear, x.value, span);
    caller.trace.linears.push({ linear, input, weight, bias });
    caller.trace.marks++;
    return applyLinear(caller, linear, input, weight, bias, span);
  });
  declareValue(scope, name, { kind: "callable", name: name.text, form: () => applying });
}

/** Layers at one path share its tensors, and lie in them one after the other, as they are declared; null if it is alone. */
function placeAmong(
  part: Declaring,
  scope: Scope,
  declaration: Ast.LinearDeclaration,
  members: readonly Ast.ArchMember[],
): Linear["among"] {
  const all = members.flatMap((each) =>
    each.kind === "linear" && each.at.value === declaration.at.value ? [each] : [],
  );
  const [first] = all;
  if (first === undefined || all.length < 2) return null;
  if (formOf(first) !== formOf(declaration) || declaration.tied)
    report(part.context, {
      kind: "not-supported",
      span: declaration.at.span,
      what: `\`${declaration.name.text}\` at the path of \`${first.name.text}\`, from which it differs by more than its outputs,`,
      hint: "layers at one path lie one after the other in its matrix: all have the same inputs, the same order and the same condition of their biases",
    });
  const of = all.map(({ to }) => dimsNamed(part.context, scope, to));
  const sizes = of.flatMap((dims) => known(volume(dims)) ?? []);
  if (!part.facts || sizes.length < of.length) return null;
  const size = fixed(sizes.reduce((sum, each) => sum + each, 0));
  const rows: Dimension = { id: "stored rows", name: "rows", size, source: "the layers at this path" };
  return { rows, of, names: all.map(({ name }) => name.text), place: all.indexOf(declaration) };
}

/** What layers at one path have in common. */
const formOf = ({ from, isInFirst, bias }: Ast.LinearDeclaration): string =>
  JSON.stringify([from.map(({ text }) => text), isInFirst === true, bias ? textAt(bias.span) : null]);

/** The layer's matrix or, without inputs, its bias: a stored tensor, or its part of one. */
function lying(part: Declaring, linear: Linear, name: string, inputs: readonly Dimension[] | null): Tensor | null {
  const { to, isInFirst, among, span } = linear;
  const outputs = among ? [among.rows] : to;
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
