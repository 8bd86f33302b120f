/** Functions that generated text calls, declared in the header of the kernels that use them. */
import { packedTypes, readAs } from "../plan/dtype.ts";
import { mathFunctions } from "./math.ts";
import { conversions } from "./packed.ts";
import { elementary, type Helper, type MathName, typeName, type Width } from "./wgsl.ts";

const bodies: Readonly<Record<string, string>> = {
  // With a constant for what is never chosen, Mesa moves the operation that follows into the selection.
  fence: "fn fence(x: f32) -> f32 { let length = arrayLength(&MEMORY); return select(x, f32(length), length == 0u); }",
  is_number: "fn is_number(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) <= 0x7f800000u; }",
  is_finite: "fn is_finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) < 0x7f800000u; }",
  modulo: "fn modulo(a: f32, b: f32) -> f32 { return a - b * floor(a / b); }",
  wrap_modulo:
    "fn wrap_modulo(a: i32, b: i32) -> i32 { let r = a % b; return select(r, r + b, r != 0 && ((r < 0) != (b < 0))); }",
  wrap_divide: `fn wrap_divide(a: i32, b: i32) -> i32 {
  let r = a % b;
  return select(a / b - select(0, 1, r != 0 && ((r < 0) != (b < 0))), 0, b == 0);
}`,
  // Towards zero; out of range the nearest there is, 0 for NaN, where adapters differ.
  to_i32: `fn to_i32(x: f32) -> i32 {
  let inside = i32(clamp(x, -2147483648.0, 2147483520.0));
  return select(select(inside, 2147483647, x >= 2147483648.0), 0, math_is_nan(x));
}`,
  to_u32: `fn to_u32(x: f32) -> u32 {
  let inside = u32(clamp(x, 0.0, 4294967040.0));
  return select(select(inside, 4294967295u, x >= 4294967296.0), 0u, math_is_nan(x));
}`,
  ...Object.assign({}, ...packedTypes.map(conversions)),
  infinity:
    "var<private> infinity_bits: u32 = 0x7f800000u;\nfn infinity() -> f32 { return bitcast<f32>(infinity_bits); }",
  negative_zero:
    "var<private> negative_zero_bits: u32 = 0x80000000u;\nfn negative_zero() -> f32 { return bitcast<f32>(negative_zero_bits); }",
  nan: "var<private> nan_bits: u32 = 0x7fc00000u;\nfn nan() -> f32 { return bitcast<f32>(nan_bits); }",
};

/** The helpers that a helper calls, first. */
function withCalled(helper: Helper): readonly Helper[] {
  const [, verb, type] = /^(to|pack)_(\w+)$/.exec(helper) ?? [];
  const packed = packedTypes.find((each) => each === type);
  if (packed === undefined) return [helper];
  return verb === "to" ? [`encode_${packed}`, `decode_${packed}`, helper] : [`encode_${packed}`, helper];
}

const isMath = (helper: Helper): helper is MathName => elementary.has(helper);

/** The name of the function for scalars; that for vectors ends in 4. */
export const helperName = (helper: Helper): string => (isMath(helper) ? `math_${helper}` : helper);

/** Text of the helpers; `memory` names a binding, whose length no compiler knows. */
export function helperText(
  used: readonly { readonly helper: Helper; readonly width: Width }[],
  memory: string,
): string {
  const scalar = new Set(used.flatMap(({ helper }) => withCalled(helper)));
  const own = [...scalar].flatMap((helper) => bodies[helper]?.replace("MEMORY", memory) ?? []);
  const called = own.flatMap((text) => text.match(/\bmath_\w+/g) ?? []);
  const written = [...scalar].filter((helper) => !Object.hasOwn(bodies, helper)).map(helperName);
  const math = mathFunctions(new Set([...written, ...called]));
  const texts = [math.trimEnd(), ...own].filter((text) => text !== "");
  return [...texts, ...used.filter(({ width }) => width === 4).map(({ helper }) => fourText(helper))].join("\n");
}

/** Of the helpers that do not give f32. */
const fourResults: Readonly<Record<string, string>> = {
  ...{
    is_number: "vec4<bool>",
    is_finite: "vec4<bool>",
    wrap_modulo: "vec4i",
    wrap_divide: "vec4i",
    to_i32: "vec4i",
    to_u32: "vec4u",
  },
  ...Object.fromEntries(
    packedTypes.flatMap((type) => [`to_${type}`, `round_${type}`].map((name) => [name, typeName(readAs(type), 4)])),
  ),
};

/** Where the length of memory is a scalar condition, `select` takes a vector as it is; the rest goes element by element. */
function fourText(helper: Helper): string {
  const result = fourResults[helper] ?? "vec4f";
  const isWhole = helper === "random" || (result === "vec4i" && helper !== "to_i32" && !helper.startsWith("round_"));
  const operand = isWhole ? "vec4i" : "vec4f";
  const isBinary = ["modulo", "wrap_modulo", "wrap_divide", "pow", "random"].includes(helper);
  const name = helperName(helper);
  const parts = ["x", "y", "z", "w"].map((part) => (isBinary ? `${name}(a.${part}, b.${part})` : `${name}(a.${part})`));
  return `fn ${name}4(a: ${operand}${isBinary ? `, b: ${operand}` : ""}) -> ${result} { return ${result}(${parts.join(", ")}); }`;
}
