/** Powers with a constant exponent. */
import type { Node, NodeOf } from "../graph/ops.ts";
import type { Rewriter } from "./rewrite.ts";

/** Few factors: not more rounding than `pow` itself, and right for negative x. */
export function power({ inputs: [x, exponent] }: NodeOf<"pow">, { make }: Rewriter): Node | false {
  if (exponent.op !== "constant") return false;
  const square = (of: Node): Node => make("mul", [of, of], {});
  const inverse = (of: Node): Node => make("div", [make("constant", [], { value: 1, dtype: "f32" }), of], {});
  switch (exponent.attrs.value) {
    case 1:
      return x; // x¹ = x
    case 2:
      return square(x); // x² = x·x
    case 3:
      return make("mul", [square(x), x], {}); // x³ = x²·x
    case 4:
      return square(square(x)); // x⁴ = (x²)²
    case -1:
      return inverse(x); // x⁻¹ = 1/x
    case -2:
      return inverse(square(x)); // x⁻² = 1/x²
    case 0.5:
      return make("sqrt", [x], {}); // x^½ = √x
    case -0.5:
      return make("rsqrt", [x], {}); // x^-½ = 1/√x
    default:
      return false;
  }
}
