/** What `select` asks for: kinds of its operands, and what is noted of it. */
import type * as Ast from "../../grammar/ast.ts";
import type { Context } from "./context.ts";
import type { Num } from "./number.ts";
import { type Operand, wrongType } from "./value.ts";

/** Notes in the trace what is selected, if its operands are of the kinds that it takes. */
export function noteSelection(
  context: Context,
  statement: Ast.Select,
  { to, by, multiple }: { readonly to: Operand; readonly by: Operand; readonly multiple: Operand | null },
): void {
  const [count, step] = [numberOf(context, to), multiple && numberOf(context, multiple)];
  const scores = by.value.kind === "tensor" ? by.value : null;
  if (!scores) wrongType(context, by, "a score for each");
  context.trace.marks++;
  context.trace.selections.push({ statement, wanted: scores && count && { to: count, scores, multiple: step } });
}

function numberOf(context: Context, operand: Operand): Num | null {
  if (operand.value.kind === "number") return operand.value;
  wrongType(context, operand, "a count or a share");
  return null;
}
