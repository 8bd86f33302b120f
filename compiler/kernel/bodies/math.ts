/** The elementary functions, of which a kernel gets those that it uses. */
export const math = /* wgsl */ `// Elementary functions made of + - * /, floor, comparisons and integers, so that every software adapter gives the same bits
// and no adapter's own approximation (some are off by thousands of ulp) is trusted. Each is within 1.5 ulp, \`math_tanh\` 6.5,
// \`math_pow\` 4. Coefficients are of the least largest relative error (Remez).
//
// Mesa re-associates: (a + b) + C becomes (a + C) + b for a constant C, C·n - D·n becomes (C - D)·n, and (a·b + c·d) + e
// becomes a·b + (c·d + e). \`min\` or \`max\` against a bound that is never reached stops it; so does an integer mask on the bits.
// NaN is known by its bits alone, since x != x is folded to false; where arithmetic does not carry it, it is put back at the
// end. Results below 2^-126, of \`math_exp\` below 2^-125, are zero, as some adapters make them.

fn math_is_nan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

// Constants of these bits, which WGSL refuses as constants.
fn math_infinity() -> f32 {
  var bits = 0x7f800000u;
  return bitcast<f32>(bits);
}

fn math_nan() -> f32 {
  var bits = 0x7fc00000u;
  return bitcast<f32>(bits);
}

// y · 2^n for y in [0.25, 4], n in [-300, 300].
fn math_scale(y: f32, n: i32) -> f32 {
  let exponent = i32(bitcast<u32>(y) >> 23u) + n;
  let scaled = bitcast<f32>(bitcast<u32>(y) + (bitcast<u32>(n) << 23u));
  return select(select(scaled, 0.0, exponent <= 0), math_infinity(), exponent >= 255);
}

// exp(n·ln 2 + r) = 2·exp(r) · 2^(n - 1): n is x · log₂ e to the nearest whole number, made as 1.5 · 2^23 + n, whose low bits
// are those of n; for r, ln 2 is in two parts, n times the first is exact. n ends at 128, where r grows, and the product with it.
fn math_exp(x: f32) -> f32 {
  let octaves = min(x * 1.44269504 + 12582912.0, 12583040.0);
  let n = octaves - 12582912.0;
  let r = (x - n * 0.693359375) - n * -2.12194440e-4;
  var p = 2.7629079598e-3;
  p = p * r + 1.6737490290e-2;
  p = p * r + 8.3336781632e-2;
  p = p * r + 0.33333040797;
  p = p * r + 0.99999986864;
  p = p * r + 2.0;
  p = p * r + 2.0;
  let power = bitcast<f32>((bitcast<u32>(octaves) << 23u) + 0x3f000000u);
  return select(p * power, 0.0, x < -86.643398);
}

// x = m · 2^e, m in [√½, √2): log x = log m + e·ln 2. With f = m - 1, s = f / (m + 1), z = s²:
// log m = 2s + s·(⅔ z + ⅖ z² …) = f - s·(f - (⅔ z + ⅖ z² …)).
fn math_log(x: f32) -> f32 {
  let above = bitcast<u32>(x) - 0x3f3504f3u;
  let e = f32(bitcast<i32>(above) >> 23u);
  let m = bitcast<f32>((above & 0x007fffffu) + 0x3f3504f3u);
  let f = m - 1.0;
  let s = f / (m + 1.0);
  let z = s * s;
  var p = 0.298716973194;
  p = p * z + 0.399775480653;
  p = p * z + 0.666667762744;
  let rest = s * (f - p * z) - e * -2.12194440e-4;
  let finite = max(f - rest, -4.0) + e * 0.693359375;
  let below = select(-math_infinity(), math_nan(), x < 0.0);
  return select(x, select(finite, below, x < 1.17549435e-38), x <= 3.4028234e38);
}

// x · P(x²) / Q(x²) up to 9, where it has reached 1.
fn math_tanh(x: f32) -> f32 {
  let c = clamp(x, -9.0, 9.0);
  let z = c * c;
  var p = 1.33190215232e-8;
  p = p * z + 2.0583443778e-5;
  p = p * z + 3.49403224147e-3;
  p = p * z + 0.133797159756;
  p = p * z + 0.999999979011;
  var q = 7.76199846629e-7;
  q = q * z + 3.28308907556e-4;
  q = q * z + 2.58710643405e-2;
  q = q * z + 0.467130312147;
  q = q * z + 1.0;
  return select(clamp(c * p / q, -1.0, 1.0), x, math_is_nan(x));
}

// Below 1 x + x · P(x²), from there 1 - exp(-Q(|x|)), up to 4, where it has reached 1.
fn math_erf(x: f32) -> f32 {
  let c = min(abs(x), 4.0);
  let z = c * c;
  var p = 7.853857712e-5;
  p = p * z - 8.010192522e-4;
  p = p * z + 5.188327560e-3;
  p = p * z - 2.685381187e-2;
  p = p * z + 0.11283585147;
  p = p * z - 0.37612625824;
  p = p * z + 0.12837916573;
  var q = -1.855748932e-4;
  q = q * c + 2.939615736e-3;
  q = q * c - 2.180535116e-2;
  q = q * c + 0.10303743552;
  q = q * c + 0.63822560237;
  q = q * c + 1.12704007998;
  q = max(q * c, -4.0) + 3.537089279e-4;
  let size = select(1.0 - math_exp(-q), p * c + c, c < 1.0);
  let signed = bitcast<f32>(bitcast<u32>(size) | (bitcast<u32>(x) & 0x80000000u));
  return select(signed, x, math_is_nan(x));
}

// Threefry-2x32, 20 rounds, of (at, 0) with the key (seed, 0): its first word, as a multiple of 2^-24.
// Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011
fn math_random(at: i32, seed: i32) -> f32 {
  let key = bitcast<u32>(seed);
  let keys = array(key, 0u, key ^ 0x1bd11bdau);
  let even = vec4u(13u, 15u, 26u, 6u);
  let odd = vec4u(17u, 29u, 16u, 24u);
  var x = vec2u(bitcast<u32>(at) + key, 0u);
  for (var i = 1u; i <= 5u; i++) {
    let by = select(even, odd, i % 2u == 0u);
    x = math_mixed(x, by.x);
    x = math_mixed(x, by.y);
    x = math_mixed(x, by.z);
    x = math_mixed(x, by.w);
    x += vec2u(keys[i % 3u], keys[(i + 1u) % 3u] + i);
  }
  return f32(x.x >> 8u) * 5.9604644775390625e-8;
}

fn math_mixed(x: vec2u, by: u32) -> vec2u {
  let sum = x.x + x.y;
  return vec2u(sum, ((x.y << by) | (x.y >> (32u - by))) ^ sum);
}

// The upper half of a · b.
fn math_multiply_high(a: u32, b: u32) -> u32 {
  let first = (a & 0xffffu) * (b & 0xffffu);
  let second = (a >> 16u) * (b & 0xffffu) + (first >> 16u);
  let third = (a & 0xffffu) * (b >> 16u) + (second & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (second >> 16u) + (third >> 16u);
}

// |x| = (4i + quarter) · π/2 + (high + low), at most π/4 from a multiple of π/2, \`low\` below the last bit of \`high\`.
struct MathAngle {
  quarter: u32,
  high: f32,
  low: f32,
}

// 2/π, after 32 bits of zeros.
const math_two_over_pi = array(
  0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu,
);

// Payne and Hanek: of |x| · 2/π only the 64 bits of weight 2, 1, ½ … are formed, in integers, so that any angle is exact.
fn math_angle(x: f32) -> MathAngle {
  let bits = bitcast<u32>(x) & 0x7fffffffu;
  let mantissa = (bits & 0x007fffffu) | 0x00800000u;
  let start = max(bits >> 23u, 120u) - 120u;
  let word = start >> 5u;
  let right = 31u - (start & 31u);
  let w0 = math_two_over_pi[word];
  let w1 = math_two_over_pi[word + 1u];
  let w2 = math_two_over_pi[word + 2u];
  let w3 = math_two_over_pi[word + 3u];
  let first = (w0 << (start & 31u)) | ((w1 >> 1u) >> right);
  let second = (w1 << (start & 31u)) | ((w2 >> 1u) >> right);
  let third = (w2 << (start & 31u)) | ((w3 >> 1u) >> right);
  let carry = math_multiply_high(third, mantissa);
  let lower = second * mantissa + carry;
  let upper = first * mantissa + math_multiply_high(second, mantissa) + select(0u, 1u, lower < carry);
  // The fraction of a quarter, from -½: its sign, then its 32 leading bits.
  let fraction = (upper << 2u) | (lower >> 30u);
  let flip = 0u - (fraction >> 31u);
  let zeros = min(countLeadingZeros(fraction ^ flip), 31u);
  let leading = ((fraction ^ flip) << zeros) | ((((lower << 2u) ^ flip) >> 1u) >> (31u - zeros));
  // Times π/2.
  let angle = math_multiply_high(leading, 0xc90fdaa2u);
  let sign = flip & 0x80000000u;
  let high = f32(angle >> 8u) * bitcast<f32>(((104u - zeros) << 23u) | sign);
  let low = f32(angle & 255u) * bitcast<f32>(((96u - zeros) << 23u) | sign);
  let is_small = bits < 0x3f490fdbu;
  return MathAngle(
    select((upper + 0x20000000u) >> 30u, 0u, is_small),
    select(high, bitcast<f32>(bits), is_small),
    select(low, 0.0, is_small),
  );
}

// The sine \`quarters\` quarters of a turn further on; negative if \`sign\` has the highest bit.
fn math_wave(x: f32, quarters: u32, sign: u32) -> f32 {
  let angle = math_angle(x);
  let r = angle.high;
  let z = r * r;
  var c = 2.443315711809948e-5;
  c = c * z - 1.388731625493765e-3;
  c = c * z + 4.166664568298827e-2;
  let cosine = max((c * z) * z - (0.5 * z + r * angle.low), -4.0) + 1.0;
  var s = -1.9515295891e-4;
  s = s * z + 8.3321608736e-3;
  s = s * z - 1.6666654611e-1;
  let sine = max((s * z) * r + angle.low * (1.0 - 0.5 * z), -4.0) + r;
  let quarter = angle.quarter + quarters;
  let y = bitcast<u32>(select(sine, cosine, (quarter & 1u) != 0u));
  let isFinite = (bitcast<u32>(x) & 0x7fffffffu) < 0x7f800000u;
  return select(math_nan(), bitcast<f32>(y ^ ((quarter & 2u) << 30u) ^ (sign & 0x80000000u)), isFinite);
}

fn math_sin(x: f32) -> f32 {
  return math_wave(x, 0u, bitcast<u32>(x));
}

fn math_cos(x: f32) -> f32 {
  return math_wave(x, 1u, 0u);
}

// The leading 12 bits: products of two of these are exact, and what is left of x is exact as well.
fn math_leading(x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u);
}

// log2 of a positive normal number, as a sum of 12 leading bits and the rest, good to 2^-30 of itself.
// x = m · 2^e; with s = (m - 1) / (m + 1), log m = 2s · (1 + s²/3 + s⁴/5 + …).
fn math_log2_parts(x: f32) -> vec2f {
  let bits = bitcast<u32>(x);
  let low = (bits & 0x007fffffu) < 0x003504f3u;
  let e = f32(i32(bits >> 23u) - select(126, 127, low));
  let m = bitcast<f32>((bits & 0x007fffffu) | select(0x3f000000u, 0x3f800000u, low));
  let f = m - 1.0;
  let s_full = f / (m + 1.0);
  let s = math_leading(s_full);
  let t = math_leading(m + 1.0);
  let t_rest = m - max(t - 1.0, 0.0);
  let s_rest = ((f - s * t) - s * t_rest) / (m + 1.0);
  let z = s_full * s_full;
  var p = 0.1166580724;
  p = p * z + 0.1427538932;
  p = p * z + 0.2000006111;
  p = p * z + 0.3333333328;
  // 2 / ln 2 = 2.884765625 + 6.24456777927e-4, of which s times the first is exact.
  let whole = s * 2.884765625;
  let correction = s * 6.24456777927e-4 + s_rest * 2.88539008;
  let rest = (p * z) * (whole + correction) + correction;
  let leading = math_leading(e + (whole + rest));
  return vec2f(leading, ((e - leading) + whole) + rest);
}

fn math_log2(x: f32) -> f32 {
  let parts = math_log2_parts(x);
  let below = select(-math_infinity(), math_nan(), x < 0.0);
  return select(x, select(parts.x + parts.y, below, x < 1.17549435e-38), x <= 3.4028234e38);
}

// x^y for positive normal x: 2^t for t = y · log2 x, t = n + f.
fn math_power(x: f32, y: f32) -> f32 {
  let exponent = clamp(y, -1.0e12, 1.0e12);
  let log2 = math_log2_parts(x);
  let y_leading = math_leading(exponent);
  let t = y_leading * log2.x;
  let t_rest = (exponent - y_leading) * log2.x + exponent * log2.y;
  let n = floor(clamp(t + t_rest, -250.0, 250.0) + 0.5);
  let f = clamp((t - n) + t_rest, -1.0, 1.0);
  var p = 0.0001545316295;
  p = p * f + 0.001339086336;
  p = p * f + 0.009618082557;
  p = p * f + 0.05550357114;
  p = p * f + 0.2402265076;
  p = p * f + 0.693147188;
  return math_scale(max(p * f, -2.0) + 1.0, i32(n));
}

fn math_pow(x: f32, y: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let a = bits & 0x7fffffffu;
  let is_zero = a < 0x00800000u;
  let is_infinite = a == 0x7f800000u;
  let is_whole = floor(y) == y;
  let is_odd = is_whole && abs(y) < 16777216.0 && (i32(y) & 1) != 0;
  let edge = select(0.0, math_infinity(), is_infinite == (y > 0.0));
  let size = select(math_power(bitcast<f32>(a), y), edge, is_zero || is_infinite);
  let signed = select(size, bitcast<f32>(bitcast<u32>(size) | (bits & 0x80000000u)), is_odd);
  let is_undefined = bits > 0x80000000u && !is_zero && !is_infinite && !is_whole;
  let defined = select(signed, math_nan(), is_undefined || math_is_nan(x) || math_is_nan(y));
  return select(defined, 1.0, (bitcast<u32>(y) & 0x7fffffffu) == 0u);
}
`;
