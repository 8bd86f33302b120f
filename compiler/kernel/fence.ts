/**
 * Mesa and the SPIR-V tools reassociate floats: (a + b) + C, (a · b) · C, a·b + a·c, x / C. A fence, which nothing sees through,
 * stands between the two operations, so that all adapters round alike.
 */
import type { ElementOp, Scalar } from "./scalar.ts";

/** For each operand of the operation, whether it needs a fence. */
export function fences(op: ElementOp, inputs: readonly Scalar[]): readonly boolean[] {
  const [a, b] = inputs;
  if (inputs.length !== 2 || a?.dtype !== "f32" || b?.dtype !== "f32") return inputs.map(() => false);
  if (op === "div") return [false, b.kind === "constant"];
  const ending = op === "mul" ? "mul" : op === "add" || op === "sub" ? "add" : undefined;
  if (ending === undefined) return [false, false];
  const isFactored = ending === "add" && haveCommonFactor(a, b);
  return [isFactored || (b.kind === "constant" && endsIn(a, ending)), a.kind === "constant" && endsIn(b, ending)];
}

const haveCommonFactor = (a: Scalar, b: Scalar): boolean =>
  a.kind === "apply" &&
  b.kind === "apply" &&
  a.op === "mul" &&
  b.op === "mul" &&
  a.inputs.some((x) => b.inputs.includes(x));

/** Whether the last operation of the value may be of this kind. Our elementary functions end in a selection. */
function endsIn(x: Scalar, ending: "add" | "mul"): boolean {
  if (x.kind === "named" || x.kind === "reduce") return true;
  if (x.kind !== "apply") return false;
  const last = ending === "mul" ? ["mul", "div"] : ["add", "sub"];
  return [...last, "mod", "rsqrt", "neg"].includes(x.op);
}
