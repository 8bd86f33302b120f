/** How primitives are written in WGSL, for scalars and for vectors of four. One rule per primitive; operands come as text. */
import { type DType, isPacked, type Packed, readAs, type ValueType } from "../plan/dtype.ts";
import type { ElementOp, Reduction } from "./scalar.ts";

/** 4: the value is that of four neighbouring elements. */
export type Width = 1 | 4;

/** A function that the header declares, by its name without the suffix of the width. */
export type Helper =
  | MathName
  | "fence"
  | "is_number"
  | "is_finite"
  | "modulo"
  | "wrap_modulo"
  | "wrap_divide"
  | "to_i32"
  | "to_u32"
  | `${"to" | "round" | "encode" | "decode" | "pack"}_${Packed}`
  | "infinity"
  | "nan"
  | "negative_zero";
const mathNames = ["exp", "log", "log2", "tanh", "erf", "sin", "cos", "pow", "random"] as const;
export type MathName = (typeof mathNames)[number];

/** Primitives that are functions of the header's, some twenty operations each. */
export const elementary: ReadonlySet<string> = new Set(mathNames);

export interface Operands {
  /** In parentheses where needed. */
  readonly texts: readonly string[];
  /** Of the operands. */
  readonly dtype: ValueType;
  /** Whether both operands are the same expression. */
  readonly isSame: boolean;
  /** Declares the helper and returns its name. */
  readonly use: (helper: Helper) => string;
}

export const typeName = (dtype: ValueType, width: Width): string =>
  width === 1 ? dtype : { f32: "vec4f", i32: "vec4i", u32: "vec4u", bool: "vec4<bool>" }[dtype];

const prefix =
  (operator: string) =>
  ({ texts }: Operands) =>
    `${operator}${texts[0]}`;
const infix =
  (operator: string) =>
  ({ texts }: Operands) =>
    `${texts[0]} ${operator} ${texts[1]}`;
const builtin =
  (name: string) =>
  ({ texts }: Operands) =>
    `${name}(${texts.join(", ")})`;
const helper =
  (name: Helper) =>
  ({ texts, use }: Operands) =>
    `${use(name)}(${texts.join(", ")})`;

export const operations: Readonly<Record<ElementOp, (operands: Operands) => string>> = {
  neg: prefix("-"),
  abs: builtin("abs"),
  exp: helper("exp"),
  log: helper("log"),
  log2: helper("log2"),
  sin: helper("sin"),
  cos: helper("cos"),
  tanh: helper("tanh"),
  erf: helper("erf"),
  pow: helper("pow"),
  sqrt: builtin("sqrt"),
  rsqrt: ({ texts }) => `1.0 / sqrt(${texts[0]})`,
  floor: builtin("floor"),
  // WGSL's round is to even.
  round: builtin("round"),
  not: prefix("!"),
  add: infix("+"),
  sub: infix("-"),
  mul: infix("*"),
  div: ({ texts, dtype, use }) =>
    dtype === "i32" ? `${use("wrap_divide")}(${texts.join(", ")})` : `${texts[0]} / ${texts[1]}`,
  random: helper("random"),
  min: builtin("min"),
  max: builtin("max"),
  mod: ({ texts, dtype, use }) =>
    dtype === "u32"
      ? `${texts[0]} % ${texts[1]}`
      : `${use(dtype === "i32" ? "wrap_modulo" : "modulo")}(${texts.join(", ")})`,
  less: infix("<"),
  lessEqual: infix("<="),
  // x == x is how a program asks for NaN, and compilers below us fold it.
  equal: ({ texts, dtype, isSame, use }) =>
    isSame && dtype === "f32" ? `${use("is_number")}(${texts[0]})` : `${texts[0]} == ${texts[1]}`,
  and: infix("&"),
  or: infix("|"),
  select: ({ texts }) => `select(${texts[2]}, ${texts[1]}, ${texts[0]})`,
};

/** A value combined with one more, each as an operand. */
export const combined = (by: Reduction, into: string, term: string): string =>
  by === "sum" ? `${into} + ${term}` : `${by}(${into}, ${term})`;

/** The text of a conversion. */
export function castText(to: DType, text: string, from: ValueType, width: Width, use: Operands["use"]): string {
  if (isPacked(to) && readAs(to) === "i32" && from === "f32") return `${use(`round_${to}`)}(${text})`;
  if (isPacked(to)) return `${use(`to_${to}`)}(${castText(readAs(to), text, from, width, use)})`;
  if (to === from) return text;
  if (from === "f32" && (to === "i32" || to === "u32")) return `${use(`to_${to}`)}(${text})`;
  return `${typeName(to, width)}(${text})`;
}

/** A literal. What no literal can say (infinity, NaN, and -0, which Tint takes for 0 at times) comes from a private variable, which compilers take as run-time data. */
export function literal(value: number, dtype: ValueType, use: Operands["use"]): string {
  if (dtype === "bool") return value === 0 ? "false" : "true";
  if (dtype === "u32") return `${value >>> 0}u`;
  if (dtype === "i32") return value === -(2 ** 31) ? "i32(-2147483648)" : `${value}i`;
  const rounded = Math.fround(value);
  if (Number.isNaN(rounded)) return `${use("nan")}()`;
  if (!Number.isFinite(rounded)) return `${rounded < 0 ? "-" : ""}${use("infinity")}()`;
  if (Object.is(rounded, -0)) return `${use("negative_zero")}()`;
  const text = String(rounded);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** What variables that hold results are called; not as functions are. */
export const resultNames: Readonly<Record<Reduction, string>> = {
  sum: "sum",
  max: "greatest",
  min: "least",
  argmax: "place",
};

/** Results, and what is called after them: their parts, their places. */
const ofResults = new RegExp(`^(${Object.values(resultNames).join("|")})(?![A-Za-z])`);

/** A name that WGSL allows and that hides nothing which generated text uses. */
export function identifier(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9_]/g, "_").replace(/^(?=\d)/, "d");
  return reserved.has(plain) ||
    ofResults.test(plain) ||
    /^[xys]\d+$|^math_|^(to|encode|decode|pack|read|read4|word|write|shared|own)_/.test(plain) ||
    plain.startsWith("__") ||
    plain === "_"
    ? `${plain}_dim`
    : plain;
}

const reserved = new Set(
  `alias break case const const_assert continue continuing default diagnostic discard else enable false fn for if let loop
  override requires return struct switch true var while main lane invocation own_row is_inside group position element array atomic bool f16 f32 i32 u32 mat2x2
  ptr sampler vec2 vec3 vec4 vec2f vec3f vec4f vec2u vec3u vec4u vec4i abs min max select exp log sin cos tanh pow sqrt floor round
  bitcast fence is_number is_finite modulo wrap_modulo wrap_divide to_i32 to_u32 infinity nan negative_zero
  unpack2x16float pack2x16float arrayLength subgroupShuffleXor subgroupBroadcast workgroupBarrier
  NULL Self abstract active alignas alignof as asm asm_fragment async attribute auto await become binding_array cast catch class
  co_await co_return co_yield coherent column_major common compile compile_fragment concept const_cast consteval constexpr constinit
  crate debugger decltype delete demote demote_to_helper do dynamic_cast enum explicit export extends extern external fallthrough
  filter final finally friend from fxgroup get goto groupshared highp impl implements import inline instanceof interface layout
  lowp macro macro_rules match mediump meta mod module move mut mutable namespace new nil noexcept noinline nointerpolation
  noperspective null nullptr of operator package packoffset partial pass patch pixelfragment precise precision premerge priv
  protected pub public readonly ref regardless register reinterpret_cast require resource restrict self set shared sizeof smooth
  snorm static static_assert static_cast std subroutine super target template this thread_local throw trait try type typedef typeid
  typename typeof union unless unorm unsafe unsized use using varying virtual volatile wgsl where with writeonly yield in out inout
  batch m n k store`.split(/\s+/),
);
