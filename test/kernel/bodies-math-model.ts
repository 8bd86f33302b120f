/**
 * What bodies/math.ts computes, operation by operation in float32: every software adapter must give these bits. Written from
 * the same formulas, without its fences and without its handling of special values where JavaScript's is the same.
 */
const f = Math.fround;
const mul = (a: number, b: number): number => f(a * b);
const add = (a: number, b: number): number => f(a + b);
const sub = (a: number, b: number): number => f(a - b);
const div = (a: number, b: number): number => f(a / b);

const view = new DataView(new ArrayBuffer(4));

export function bitsOf(x: number): number {
  view.setFloat32(0, x);
  return view.getUint32(0);
}

export function floatOf(bits: number): number {
  view.setUint32(0, bits >>> 0);
  return view.getFloat32(0);
}

/** c0 xⁿ + c1 xⁿ⁻¹ … */
const polynomial = (x: number, coefficients: readonly number[]): number =>
  coefficients.map(f).reduce((sum, coefficient) => add(mul(sum, x), coefficient));

/** Below 2^-126 zero; multiplying by a power of two is exact. */
function scale(y: number, n: number): number {
  const result = y * 2 ** n;
  return result < 2 ** -126 ? 0 : f(result);
}

export function exp(x: number): number {
  if (x < f(-86.643398)) return 0;
  const octaves = sub(Math.min(add(mul(x, f(Math.LOG2E)), 12582912), 12583040), 12582912);
  const n = Number.isNaN(x) ? 0 : octaves;
  const r = sub(sub(x, mul(n, f(0.693359375))), mul(n, f(-2.1219444e-4)));
  const terms = [2.7629079598e-3, 1.673749029e-2, 8.3336781632e-2, 0.33333040797, 0.99999986864, 2, 2];
  return mul(polynomial(r, terms), 2 ** (n - 1));
}

export function log(x: number): number {
  if (Math.abs(x) < 2 ** -126) return -Infinity;
  if (!(x > 0) || x === Infinity) return Math.log(x);
  const bits = bitsOf(x);
  const half = floatOf((bits & 0x007fffff) | 0x3f000000);
  const isLow = half < f(Math.SQRT1_2);
  const e = (bits >>> 23) - (isLow ? 127 : 126);
  const m = isLow ? half + half : half;
  const s = div(m - 1, add(m, 1));
  const z = mul(s, s);
  const terms = mul(polynomial(z, [0.298716973194, 0.399775480653, 0.666667762744]), z);
  const rest = sub(mul(s, sub(m - 1, terms)), mul(e, f(-2.1219444e-4)));
  return add(sub(m - 1, rest), mul(e, f(0.693359375)));
}

export function tanh(x: number): number {
  const c = Math.max(-9, Math.min(x, 9));
  const z = mul(c, c);
  const p = polynomial(z, [1.33190215232e-8, 2.0583443778e-5, 3.49403224147e-3, 0.133797159756, 0.999999979011]);
  const q = polynomial(z, [7.76199846629e-7, 3.28308907556e-4, 2.58710643405e-2, 0.467130312147, 1]);
  return Math.max(-1, Math.min(div(mul(c, p), q), 1));
}

export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  const c = Math.min(Math.abs(x), 4);
  const size = c < 1 ? add(mul(polynomial(mul(c, c), erfTerms), c), c) : sub(1, exp(-exponentOf(c)));
  return x < 0 || Object.is(x, -0) ? -size : size;
}

const exponentOf = (c: number): number => add(mul(polynomial(c, erfcTerms), c), f(3.537089279e-4));

const erfTerms = [
  ...[7.853857712e-5, -8.010192522e-4, 5.18832756e-3, -2.685381187e-2],
  ...[0.11283585147, -0.37612625824, 0.12837916573],
];

const erfcTerms = [-1.855748932e-4, 2.939615736e-3, -2.180535116e-2, 0.10303743552, 0.63822560237, 1.12704007998];

/** 2/π to 512 bits after the point. */
const twoOverPi = BigInt(
  "0xa2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163abdebbc561b7246e3a424dd2e006492eea09d1921cfe1deb1cb129a73ee88235f52ebb4484",
);

/** |x| as `quarter` quarters of a turn and an angle in two parts, as the kernel has it: 62 bits of the fraction, then 32 significant ones. */
function angleOf(x: number): { quarter: number; high: number; low: number } {
  const bits = bitsOf(x) & 0x7fffffff;
  if (bits < 0x3f490fdb) return { quarter: 0, high: Math.abs(x), low: 0 };
  const mantissa = BigInt((bits & 0x007fffff) | 0x00800000);
  // The kernel keeps 94 bits behind the point of |x| · 2/π, before it multiplies by the mantissa.
  const window = twoOverPi >> BigInt(512 - ((bits >>> 23) - 56));
  const turn = ((window * mantissa) >> 32n) & 0xffffffffffffffffn;
  const quarter = Number(((turn + (1n << 61n)) >> 62n) & 3n);
  const fraction = BigInt.asIntN(64, turn << 2n);
  const size = fraction < 0n ? -1n - fraction : fraction;
  const zeros = Math.min(Math.clz32(Number(size >> 32n)), 31);
  const leading = (size << BigInt(zeros)) >> 32n;
  const angle = Number((leading * 0xc90fdaa2n) >> 32n);
  const sign = fraction < 0n ? -1 : 1;
  return { quarter, high: sign * (angle >>> 8) * 2 ** (-23 - zeros), low: sign * (angle & 255) * 2 ** (-31 - zeros) };
}

function wave(x: number, quarters: number): number {
  const { quarter, high: r, low } = angleOf(x);
  const z = mul(r, r);
  const c = polynomial(z, [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2]);
  const cosine = add(sub(mul(mul(c, z), z), add(mul(0.5, z), mul(r, low))), 1);
  const s = polynomial(z, [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1]);
  const sine = add(add(mul(mul(s, z), r), mul(low, sub(1, mul(0.5, z)))), r);
  const all = quarter + quarters;
  const y = all % 2 === 1 ? cosine : sine;
  return all % 4 >= 2 ? -y : y;
}

export function sin(x: number): number {
  if (!Number.isFinite(x)) return NaN;
  return x < 0 || Object.is(x, -0) ? -wave(x, 0) : wave(x, 0);
}

export const cos = (x: number): number => (Number.isFinite(x) ? wave(x, 1) : NaN);

const leading = (x: number): number => floatOf(bitsOf(x) & 0xfffff000);

function log2Parts(x: number): readonly [leading: number, rest: number] {
  const bits = bitsOf(x);
  const isLow = (bits & 0x007fffff) < 0x003504f3;
  const e = (bits >>> 23) - (isLow ? 127 : 126);
  const m = floatOf((bits & 0x007fffff) | (isLow ? 0x3f800000 : 0x3f000000));
  const [numerator, denominator] = [m - 1, add(m, 1)];
  const full = div(numerator, denominator);
  const [s, t] = [leading(full), leading(denominator)];
  const rest = div(sub(sub(numerator, mul(s, t)), mul(s, m - (t - 1))), denominator);
  const z = mul(full, full);
  const p = polynomial(z, [0.1166580724, 0.1427538932, 0.2000006111, 0.3333333328]);
  const whole = mul(s, 2.884765625);
  const correction = add(mul(s, f(6.24456777927e-4)), mul(rest, f(2.88539008)));
  const small = add(mul(mul(p, z), add(whole, correction)), correction);
  const first = leading(add(e, add(whole, small)));
  return [first, add(add(sub(e, first), whole), small)];
}

export function log2(x: number): number {
  if (Math.abs(x) < 2 ** -126) return -Infinity;
  if (!(x > 0) || x === Infinity) return Math.log2(x);
  const [first, rest] = log2Parts(x);
  return add(first, rest);
}

const exp2Terms = [0.0001545316295, 0.001339086336, 0.009618082557, 0.05550357114, 0.2402265076, 0.693147188];

function power(x: number, y: number): number {
  const exponent = Math.min(Math.max(y, f(-1e12)), f(1e12));
  const [first, rest] = log2Parts(x);
  const yLeading = leading(exponent);
  const t = mul(yLeading, first);
  const tRest = add(mul(sub(exponent, yLeading), first), mul(exponent, rest));
  const n = Math.floor(add(Math.min(Math.max(add(t, tRest), -250), 250), 0.5));
  const part = Math.min(Math.max(add(sub(t, n), tRest), -1), 1);
  return scale(add(mul(polynomial(part, exp2Terms), part), 1), n);
}

/** As in C where JavaScript differs: 1 to any infinite power is 1. */
export function pow(x: number, y: number): number {
  if (y === 0) return 1;
  const a = Math.abs(x) < 2 ** -126 ? 0 : Math.abs(x);
  if (Number.isNaN(x) || Number.isNaN(y)) return NaN;
  const isWhole = Math.floor(y) === y;
  if (x < 0 && a !== 0 && a !== Infinity && !isWhole) return NaN;
  const size = a === 0 || a === Infinity ? ((a === Infinity) === y > 0 ? Infinity : 0) : power(a, y);
  const isOdd = isWhole && Math.abs(y) < 2 ** 24 && Math.abs(y) % 2 === 1;
  return isOdd && (x < 0 || Object.is(x, -0)) ? -size : size;
}
