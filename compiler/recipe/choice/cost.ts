/** What a method on candidates gives: what new weights of a layer cost, and weights by which the layer's part in the model is found. */
import type * as Ast from "../../../grammar/ast.ts";
import { slotNames } from "../../graph/slots.ts";
import { type Context, report } from "../../language/context.ts";
import { record, type Scope, showValue, type Value } from "../../language/value.ts";
import { type Site, weightsOf } from "../method-result.ts";

/** The kind of method that chooses. */
export const choosing = "candidates";

/** `{ error, probe }`; null if it is not, which is said. */
export function costOf(
  context: Context,
  scope: Scope,
  method: Ast.Method,
  result: Value,
  site: Site | null,
): ReturnType<typeof weightsOf> {
  if (result.kind === "wrong") return null;
  const fields = result.kind === "record" ? result.fields : new Map<string, Value>();
  const [error, probe] = [fields.get("error"), fields.get("probe")];
  if (fields.size !== 2 || !probe || error?.kind !== "tensor" || error.dtype !== "f32" || error.dims.length > 0) {
    if (error?.kind === "wrong" || probe?.kind === "wrong") return null;
    const expected = `\`{ error: f32, probe: f32[out, in] }\`, as \`${method.name.text}\` is a method on ${choosing}`;
    const { span } = method.body.result ?? method.body;
    report(context, { kind: "wrong-type", span, expected, found: showValue(result) });
    return null;
  }
  const weights = weightsOf(context, scope, method, record(new Map([["w", probe]])), site);
  if (!weights || !site) return weights;
  return { ...weights, outputs: [...weights.outputs, { name: slotNames.error, node: error.node }] };
}
