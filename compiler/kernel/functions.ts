/** Functions that generated text calls, declared in the header of the kernels that use them. */
import { mathFunctions } from "./math.ts";
import { elementary, type Helper, type MathName, type Width } from "./wgsl.ts";

const bodies: Readonly<Record<Exclude<Helper, MathName>, string>> = {
  // With a constant for what is never chosen, Mesa moves the operation that follows into the selection.
  fence: "fn fence(x: f32) -> f32 { let length = arrayLength(&MEMORY); return select(x, f32(length), length == 0u); }",
  is_number: "fn is_number(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) <= 0x7f800000u; }",
  modulo: "fn modulo(a: f32, b: f32) -> f32 { return a - b * floor(a / b); }",
  wrap_modulo:
    "fn wrap_modulo(a: i32, b: i32) -> i32 { let r = a % b; return select(r, r + b, r != 0 && ((r < 0) != (b < 0))); }",
  // Towards zero; out of range the nearest there is, 0 for NaN, where adapters differ.
  to_i32: `fn to_i32(x: f32) -> i32 {
  let inside = i32(clamp(x, -2147483648.0, 2147483520.0));
  return select(select(inside, 2147483647, x >= 2147483648.0), 0, math_is_nan(x));
}`,
  to_u32: `fn to_u32(x: f32) -> u32 {
  let inside = u32(clamp(x, 0.0, 4294967040.0));
  return select(select(inside, 4294967295u, x >= 4294967296.0), 0u, math_is_nan(x));
}`,
  // SwiftShader's pack2x16float rounds small numbers twice.
  to_f16: "fn to_f16(x: f32) -> f32 { return unpack2x16float(math_pack_f16(x)).x; }",
  to_bf16: "fn to_bf16(x: f32) -> f32 { return bitcast<f32>(math_pack_bf16(x) << 16u); }",
  read_f16:
    "fn read_f16(word: u32, i: u32) -> f32 { let both = unpack2x16float(word); return select(both.x, both.y, (i & 1u) == 1u); }",
  read_bf16:
    "fn read_bf16(word: u32, i: u32) -> f32 { return bitcast<f32>(select(word << 16u, word & 0xffff0000u, (i & 1u) == 1u)); }",
  pack_f16: "fn pack_f16(x: f32, y: f32) -> u32 { return math_pack_f16(x) | (math_pack_f16(y) << 16u); }",
  pack_bf16: "fn pack_bf16(x: f32, y: f32) -> u32 { return math_pack_bf16(x) | (math_pack_bf16(y) << 16u); }",
  infinity:
    "var<private> infinity_bits: u32 = 0x7f800000u;\nfn infinity() -> f32 { return bitcast<f32>(infinity_bits); }",
  negative_zero:
    "var<private> negative_zero_bits: u32 = 0x80000000u;\nfn negative_zero() -> f32 { return bitcast<f32>(negative_zero_bits); }",
  nan: "var<private> nan_bits: u32 = 0x7fc00000u;\nfn nan() -> f32 { return bitcast<f32>(nan_bits); }",
};

const isMath = (helper: Helper): helper is MathName => elementary.has(helper);

/** The name of the function for scalars; that for vectors ends in 4. */
export const helperName = (helper: Helper): string => (isMath(helper) ? `math_${helper}` : helper);

/** Text of the helpers; `memory` names a binding, whose length no compiler knows. */
export function helperText(
  used: readonly { readonly helper: Helper; readonly width: Width }[],
  memory: string,
): string {
  const scalar = new Set(used.map(({ helper }) => helper));
  const own = [...scalar].flatMap((helper) => (isMath(helper) ? [] : bodies[helper].replace("MEMORY", memory)));
  const called = own.flatMap((text) => text.match(/\bmath_\w+/g) ?? []);
  const math = mathFunctions(new Set([...[...scalar].filter(isMath).map((name) => `math_${name}`), ...called]));
  const texts = [math.trimEnd(), ...own].filter((text) => text !== "");
  return [...texts, ...used.filter(({ width }) => width === 4).map(({ helper }) => fourText(helper))].join("\n");
}

/** Of the helpers that do not give f32. */
const fourResults: Readonly<Partial<Record<Helper, string>>> = {
  is_number: "vec4<bool>",
  wrap_modulo: "vec4i",
  to_i32: "vec4i",
  to_u32: "vec4u",
};

/** Where the length of memory is a scalar condition, `select` takes a vector as it is; the rest goes element by element. */
function fourText(helper: Helper): string {
  const result = fourResults[helper] ?? "vec4f";
  const operand = helper === "wrap_modulo" ? "vec4i" : "vec4f";
  const isBinary = ["modulo", "wrap_modulo", "pow"].includes(helper);
  const name = helperName(helper);
  const parts = ["x", "y", "z", "w"].map((part) => (isBinary ? `${name}(a.${part}, b.${part})` : `${name}(a.${part})`));
  return `fn ${name}4(a: ${operand}${isBinary ? `, b: ${operand}` : ""}) -> ${result} { return ${result}(${parts.join(", ")}); }`;
}
