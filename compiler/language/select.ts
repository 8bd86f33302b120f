/** What `select` and `rotate` ask for: kinds of their operands, and what is noted of them. */
import type * as Ast from "../../grammar/ast.ts";
import { type Context, report } from "./context.ts";
import type { Num } from "./number.ts";
import { known } from "./size.ts";
import type { Tensor } from "./tensor.ts";
import type { Wanted } from "./trace.ts";
import { type Operand, type Value, wrongType } from "./value.ts";

/** Notes in the trace what is selected, if its operands are of the kinds that it takes. */
export function noteSelection(
  context: Context,
  statement: Ast.Select,
  {
    to,
    by,
    multiple,
    leaving,
  }: Readonly<Record<"to" | "by", Operand> & Record<"multiple" | "leaving", Operand | null>>,
): void {
  const [count, step] = [numberOf(context, to), multiple && numberOf(context, multiple)];
  const scores = by.value.kind === "tensor" ? by.value : null;
  if (!scores) wrongType(context, by, "a score for each");
  const left = leaving ? leftIn(context, leaving) : new Map<string, Tensor>();
  context.trace.marks++;
  context.trace.selections.push({
    statement,
    wanted: scores && count && left && { to: count, scores, multiple: step, leaving: left },
  });
}

/** Values by the names of activations; null if they are none, which is said. */
function leftIn(context: Context, operand: Operand): ReadonlyMap<string, Tensor> | null {
  const fields = operand.value.kind === "record" ? [...operand.value.fields] : [];
  const left = fields.flatMap(([name, value]) => (value.kind === "tensor" ? [[name, value] as const] : []));
  if (left.length > 0 && left.length === fields.length) return new Map(left);
  wrongType(context, operand, "tensors by the names of activations, as in `{ neuron: centre }`");
  return null;
}

function numberOf(context: Context, operand: Operand): Num | null {
  if (operand.value.kind === "number") return operand.value;
  wrongType(context, operand, "a count or a share");
  return null;
}

/** Notes in the trace which activation is turned, and by what. */
export function noteRotation(context: Context, statement: Ast.Rotate, turned: Value | undefined, by: Operand): void {
  const { text: name, span } = statement.name;
  const isShown = turned?.kind === "tensor" && turned.dims.some(({ streamed }) => streamed);
  if (!turned) report(context, { kind: "unknown-name", span, name, what: "activation of a block named", known: [] });
  else if (!isShown) wrongType(context, { value: turned, span }, "an activation that the header names");
  context.trace.marks++;
  context.trace.rotations.push({ statement, wanted: isShown ? matrixFor(context, turned, by) : null });
}

/** A matrix has one dimension of what it turns, one of its own in place of that, and of blocks that are turned apart `layer`. */
function matrixFor(context: Context, turned: Tensor, { value, span }: Operand): Wanted | null {
  if (value.kind === "wrong") return null;
  const dims = value.kind === "tensor" && value.dtype === "f32" ? value.dims.filter(({ id }) => id !== "layer") : [];
  const [along, second] = dims.filter(({ id }) => id !== "token" && turned.dims.some((dim) => dim.id === id));
  const [to, third] = dims.filter(({ id }) => !turned.dims.some((dim) => dim.id === id));
  const isLonger = along && to && (known(to.size) ?? 0) > (known(along.size) ?? Infinity);
  if (value.kind === "tensor" && along && to && !second && !third && !isLonger) return { along, to, by: value };
  const name = turned.dims.findLast(({ streamed }) => !streamed)?.name ?? "d";
  const expected = `a matrix from a dimension of the activation to as many or fewer columns, such as f32[${name}, column]`;
  wrongType(context, { value, span }, expected);
  return null;
}
