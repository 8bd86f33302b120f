/**
 * Sweeps: `feedback` gives the columns of a matrix their values one after the other, and takes the error of each from those after it.
 * The body of a level is evaluated once, at a position that stands for all.
 */
import type * as Ast from "../../grammar/ast.ts";
import { type Span, textAt } from "../../grammar/source.ts";
import { bodyNames } from "../graph/bodies.ts";
import type { Level, Node } from "../graph/ops.ts";
import {
  bodyOf,
  type Columns,
  type Position,
  readAt,
  refuseCodes,
  replaceTensors,
  type StandIns,
  scopeAt,
  standIn,
} from "./bodies.ts";
import { type Context, report } from "./context.ts";
import { asTensor } from "./operations.ts";
import { beside, bindValue, declareValue, makeDimension, scopeIn } from "./scope.ts";
import type { Evaluate } from "./signature.ts";
import { canBeEqual, showSize } from "./size.ts";
import { type Dimension, graphDim, graphDims, type Tensor } from "./tensor.ts";
import { type Call, dimsOf, type Operand, type Scope, showValue, type Value, wrong, wrongType } from "./value.ts";
import { dimensionIn, partSizes } from "./views.ts";

/** What is swept: a matrix, through a factor. */
interface Swept extends Columns {
  readonly x: Tensor;
  readonly u: Tensor;
  readonly across: Dimension;
}

/** What the body of a level has bound, with all tensors of it by their paths, and what the last one froze. */
interface Made {
  readonly bound: ReadonlyMap<Ast.Name, Value>;
  readonly outputs: ReadonlyMap<string, Tensor>;
  readonly inputs: StandIns;
}

/** The value of `feedback`: what `then` gives, or the matrix of what was frozen. */
export function sweepOf(call: Call, written: Ast.Feedback, evaluate: Evaluate): Value {
  const { context, scope, span } = call;
  const swept = sweptBy(call, written, evaluate);
  if (!swept || !areInOrder(context, written, swept)) return wrong;
  const made: Made[] = [];
  const inside: Call = { context: { ...context, observing: null, layers: null }, scope, span };
  for (const level of written.levels) {
    const next = evaluateLevel(inside, swept, level, made, evaluate);
    if (!next) return wrong;
    made.push(next);
  }
  const node = nodeOf(call, swept, made);
  if (!node) return wrong;
  if (!written.then) return { ...swept.x, node };
  const behind: Scope = { ...scopeIn(scope), foreign: scope.foreign };
  for (const dim of swept.levels) behind.dims.set(dim.name, [dim]);
  for (const [level, { bound }] of made.entries())
    for (const [name, value] of bound)
      declareValue(behind, name, replaceTensors(value, name.text, partsOf(context, node, swept, level)));
  return evaluate(context, behind, written.then).value;
}

/** The matrix, its factor and the levels; null, and a problem, where they do not fit. */
function sweptBy(call: Call, { value, through, along, span }: Ast.Feedback, evaluate: Evaluate): Swept | null {
  const { context, scope } = call;
  const given = evaluate(context, scope, value);
  const inside = beside(scope, given.value);
  const factor = evaluate(context, inside, through);
  const x = realTensor(context, given, "a tensor whose columns are swept");
  const u = realTensor(context, factor, "the factor that a sweep goes through");
  const dim = x && dimensionIn(context, inside, x, along.name, value.span);
  const across = dim && u && acrossOf(context, x, u, dim, through.span);
  const levels = across && levelsOf({ context, scope: inside, span }, along, dim, evaluate);
  if (!x || !u || !levels) return null;
  const clash = levels.find(({ id }) => id !== dim.id && x.dims.some((other) => other.id === id));
  if (!clash) return { x, u, along: dim, across, levels };
  report(context, { kind: "duplicate-name", span: along.span, name: clash.name, first: value.span });
  return null;
}

function realTensor(context: Context, operand: Operand, expected: string): Tensor | null {
  const { value, span } = operand;
  const isPassing = dimsOf(value).some((dim) => dim.streamed);
  if (isPassing) report(context, { kind: "not-supported", span, what: "`feedback` on what streams past" });
  else if (value.kind === "tensor" && value.dtype !== "bool") return asTensor(context, operand, "f32");
  else wrongType(context, operand, expected);
  return null;
}

/** The factor's other dimension. */
function acrossOf(context: Context, x: Tensor, u: Tensor, along: Dimension, span: Span): Dimension | null {
  const [across, ...more] = u.dims.filter(({ id }) => !x.dims.some((dim) => dim.id === id));
  const isMatrix = u.dims.length === 2 && more.length === 0 && u.dims.some(({ id }) => id === along.id);
  if (across && isMatrix && canBeEqual(across.size, along.size)) return across;
  const expected = `a factor over \`${along.name}\` and another dimension of its size, ${showSize(along.size)}`;
  const hint = '`inverse_factor` of "std/second_order" makes it of a second moment h: f32[in, in\']';
  report(context, { kind: "wrong-type", span, expected, found: showValue(u), hint });
  return null;
}

/** `in = (block, lane: 128)`: the dimension in parts; `in` alone is one level. */
function levelsOf(call: Call, along: Ast.NamedDim, dim: Dimension, evaluate: Evaluate): Dimension[] | null {
  const { context, scope } = call;
  const { name, size, parts, span } = along;
  if (size) {
    const expected = `\`${name.text}\` alone, or in parts as in \`${name.text} = (block, lane: 128)\``;
    report(context, { kind: "wrong-type", span, expected, found: textAt(span) });
  }
  if (!parts) return size ? null : [dim];
  const to = parts.map((part) => {
    const given = part.size ? evaluate(context, scope, part.size) : null;
    return { name: part.name, size: given, span: part.span };
  });
  if (to.some((part) => part.size?.value.kind === "wrong")) return null;
  const sizes = partSizes(call, dim, { from: [], to, span });
  const made = (sizes ?? []).flatMap((each, i) => {
    const part = parts[i];
    return (part && makeDimension(context, scope, part.name.text, each, part.span)) ?? [];
  });
  return made.length === parts.length ? made : null;
}

/** Whether there is a body for each level, in their order, and the last one freezes. */
function areInOrder(context: Context, { levels, along }: Ast.Feedback, swept: Swept): boolean {
  const wanted = swept.levels.map(({ name }) => name);
  const odd = levels.find(({ dim }, i) => dim.text !== wanted[i])?.dim;
  if (odd || levels.length !== wanted.length) {
    const found = levels.map(({ dim }) => dim.text);
    report(context, { kind: "sweep-levels", span: odd?.span ?? along.span, along: along.name.text, wanted, found });
    return false;
  }
  const last = levels.at(-1);
  const early = levels.find(({ freeze }, i) => freeze && i + 1 < levels.length)?.freeze;
  if (!early && last?.freeze) return true;
  const span = early?.span ?? last?.span ?? along.span;
  report(context, { kind: "sweep-freeze", span, last: wanted.at(-1) ?? "", isEarly: early !== undefined });
  return false;
}

/** The body of the level after those above. Null, and a problem, where it freezes no column. */
function evaluateLevel(
  { context, scope }: Call,
  swept: Swept,
  written: Ast.FeedbackLevel,
  above: readonly Made[],
  evaluate: Evaluate,
): Made | null {
  const position: Position = { columns: swept, level: above.length, inputs: new Map() };
  const inside = scopeAt(context, scope, position);
  for (const [level, { bound }] of above.entries())
    for (const [name, value] of bound)
      declareValue(inside, name, fromAbove(context, position, level, name.text, value));
  const dims = runOf(swept, position.level);
  const run = heldRun(context, position, dims, written.as.span);
  bindValue(context, inside, written.as, seenRun(context, swept, position, run));
  const bound = new Map<Ast.Name, Value>();
  const outputs = new Map<string, Tensor>();
  for (const { name, value } of written.statements) {
    const found = refuseCodes(context, evaluate(context, inside, value).value, value.span);
    const here = readAt(context, position, found);
    bindValue(context, inside, name, here);
    bound.set(name, here);
    replaceTensors(here, name.text, (path, tensor) => {
      outputs.set(path, tensor);
      return tensor;
    });
  }
  if (!written.freeze) return { bound, outputs, inputs: position.inputs };
  const { value, span } = evaluate(context, inside, written.freeze);
  const chosen = frozenOf(context, { value: readAt(context, position, value), span }, dims);
  const frozen = chosen && whereFinite(context, chosen, run.node);
  return frozen && { bound, outputs: outputs.set(bodyNames.frozen, frozen), inputs: position.inputs };
}

/** The dimensions of a run: those of the levels below in the place of the swept one. */
const runOf = ({ x, along, levels }: Swept, level: number): readonly Dimension[] =>
  x.dims.flatMap((dim) => (dim.id === along.id ? levels.slice(level + 1) : [dim]));

/** The columns of a run as they are by then. */
const heldRun = (context: Context, { inputs }: Position, dims: readonly Dimension[], span: Span): Tensor => ({
  ...{ kind: "tensor", dtype: "f32", dims },
  node: standIn(context, inputs, bodyNames.run, { dtype: "f32", dims: graphDims(dims) }, span),
});

/** The same as a body sees them: if zeros are kept, what was 0 before the sweep is 0, whatever has been added since. */
function seenRun(context: Context, swept: Swept, position: Position, run: Tensor): Tensor {
  const { make } = context.maker;
  const span = run.node.origin;
  if (!context.keepsZeros) return run;
  const zero = make("constant", [], { value: 0, dtype: "f32" }, span);
  const isZero: Tensor = { ...swept.x, dtype: "bool", node: make("equal", [swept.x.node, zero], {}, span) };
  const here = readAt(context, position, isZero);
  return here.kind === "tensor" ? { ...run, node: make("select", [here.node, zero, run.node], {}, span) } : run;
}

/** What a level above has bound, as it is at the position. */
function fromAbove(context: Context, position: Position, level: number, name: string, value: Value): Value {
  const dim = position.columns.levels[level]?.id ?? "";
  const given = replaceTensors(value, name, (path, tensor) => {
    const { type, origin } = tensor.node;
    return { ...tensor, node: standIn(context, position.inputs, bodyNames.above(dim, path), type, origin) };
  });
  return readAt(context, position, given);
}

/** What a column takes, in the dimensions of one. */
function frozenOf(context: Context, operand: Operand, dims: readonly Dimension[]): Tensor | null {
  const { value } = operand;
  const isColumn = value.kind === "tensor" && value.dtype !== "bool" && value.dims.length === dims.length;
  if (isColumn && dims.every(({ id }) => value.dims.some((dim) => dim.id === id)))
    return asTensor(context, operand, "f32");
  const names = dims.map(({ name }) => name).join(", ");
  const expected = `what a column takes, f32${names && `[${names}]`}`;
  wrongType(context, operand, expected, "of a column that stays as it is, `freeze` has the column itself");
  return null;
}

/** What a column takes; one that holds NaN or an infinity keeps it, whatever code it has, so that all later ones take it over. */
function whereFinite({ maker: { make } }: Context, frozen: Tensor, held: Node): Tensor {
  const { origin } = frozen.node;
  const difference = make("sub", [held, held], {}, origin);
  const isNumber = make("equal", [difference, difference], {}, origin);
  return { ...frozen, node: make("select", [isNumber, frozen.node, held], {}, origin) };
}

/** The node of the sweep; null, and a problem, where a body cannot be one. */
function nodeOf({ context, span }: Call, { x, u, along, across, levels }: Swept, made: readonly Made[]): Node | null {
  const given: Node[] = [];
  const bodies: Level[] = [];
  for (const [i, { outputs, inputs }] of made.entries()) {
    const dim = levels[i];
    const body = dim && bodyOf(context, dim.name, outputs, { inputs, given });
    if (!body) return null;
    bodies.push({ dim: graphDim(dim), body });
  }
  const attrs = { along: along.id, across: across.id, levels: bodies };
  return context.maker.make("feedback", [x.node, u.node, ...given], attrs, span);
}

/** What a level has bound, of all its runs. */
const partsOf =
  ({ maker }: Context, sweep: Node, { levels }: Swept, level: number) =>
  (output: string, { dtype, dims, node }: Tensor): Tensor => ({
    ...{ kind: "tensor", dtype },
    dims: [...levels.slice(0, level + 1), ...dims],
    node: maker.make("part", [sweep], { level, output }, node.origin),
  });
