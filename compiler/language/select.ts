/** What `select` asks for: kinds of its operands, and what is noted of it. */
import type * as Ast from "../../grammar/ast.ts";
import { type Context, report } from "./context.ts";
import type { Num } from "./number.ts";
import { type Operand, showValue } from "./value.ts";

/** Notes in the trace what is selected, if its operands are of the kinds that it takes. */
export function noteSelection(
  context: Context,
  statement: Ast.Select,
  { to, by, multiple }: { readonly to: Operand; readonly by: Operand; readonly multiple: Operand | null },
): void {
  const [count, step] = [numberOf(context, to), multiple && numberOf(context, multiple)];
  const { value: scores } = by;
  if (scores.kind !== "tensor") {
    if (scores.kind !== "wrong")
      report(context, { kind: "wrong-type", span: by.span, expected: "a score for each", found: showValue(scores) });
    context.trace.selections.push({ statement, wanted: null });
  } else context.trace.selections.push({ statement, wanted: count && { to: count, scores, multiple: step } });
}

function numberOf(context: Context, { value, span }: Operand): Num | null {
  if (value.kind === "number") return value;
  if (value.kind !== "wrong")
    report(context, { kind: "wrong-type", span, expected: "a count or a share", found: showValue(value) });
  return null;
}
