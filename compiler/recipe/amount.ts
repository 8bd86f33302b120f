/** `Amount(d)`: so many of a dimension, or a share of it. */
import type * as Ast from "../../grammar/ast.ts";
import { type Context, report } from "../language/context.ts";
import { type Num, numbers, ofSize, unknownWhole } from "../language/number.ts";
import { findDimension } from "../language/scope.ts";
import { fixed, known } from "../language/size.ts";
import type { Scope, Value } from "../language/value.ts";

/** The value of a parameter, as a count if it is an `Amount(d)`: a share is one of the whole dimension, rounded down. */
export function counted(context: Context, scope: Scope, { name, type, span }: Ast.Parameter, value: Value): Value {
  const [of] = type?.kind === "plain-type" && type.name.text === "Amount" ? type.arguments : [];
  if (of?.kind !== "name" || value.kind !== "number") return value;
  const dim = findDimension(scope, of.text);
  const size = dim && known(dim.size);
  if (size === undefined || value.real === null) return isShare(value) || value.size === null ? unknownWhole : value;
  const count = countOf(value, size);
  if ((count.real ?? 0) <= size) return count;
  const range = `at most ${size}, all of \`${of.text}\`${context.where}`;
  return report(context, { kind: "out-of-range", span, what: `\`${name.text}\``, value: String(count.real), range });
}

const isShare = ({ isShare, real }: Num): boolean =>
  isShare === true || (real !== null && real < 1 && !Number.isInteger(real));

/** So many of a dimension of that size. */
export function countOf(value: Num, size: number): Num {
  if (!isShare(value)) return value;
  const { real } = numbers("*", (a, b) => a * b, value, ofSize(fixed(size)));
  return real === null ? unknownWhole : ofSize(fixed(Math.floor(real)));
}
