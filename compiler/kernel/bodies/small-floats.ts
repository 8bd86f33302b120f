/**
 * Real numbers of less than a word, and their codes in the low bits of one: OCP 8-bit Floating Point Specification, 2023, and
 * Microscaling Formats Specification, 2023. A code is read whatever stands in the bits above it.
 */
export const packed = /* wgsl */ `\
// The nearest f16, of two the even one.
fn encode_f16(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let a = bits & 0x7fffffffu;
  // Below 2^-14 the last bit weighs 2^-24: the mantissa moves right, and a half is decided by what falls off and by the last bit.
  let mantissa = (a & 0x007fffffu) | 0x00800000u;
  let shift = clamp(126u - min(a >> 23u, 126u), 1u, 31u);
  let kept = mantissa >> shift;
  let small = kept + select(0u, 1u, (mantissa & ((1u << shift) - 1u)) + (kept & 1u) > (1u << (shift - 1u)));
  let normal = (a + 0x0fffu + ((a >> 13u) & 1u) - 0x38000000u) >> 13u;
  let finite = select(normal, small, a < 0x38800000u);
  let all = select(select(finite, 0x7c00u, a >= 0x477ff000u), 0x7e00u, math_is_nan(x));
  return all | ((bits >> 16u) & 0x8000u);
}

// The nearest bf16, of two the even one.
fn encode_bf16(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  return select((bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u, (bits >> 16u) | 0x40u, math_is_nan(x));
}

fn decode_f16(bits: u32) -> f32 { return unpack2x16float(bits).x; }

fn decode_bf16(bits: u32) -> f32 { return bitcast<f32>(bits << 16u); }

// The nearest e4m3, of two the even one; at most 448, which is the greatest.
fn encode_e4m3(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let a = min(bits & 0x7fffffffu, 0x43e00000u);
  let small = u32(round(bitcast<f32>(a) * 512.0));
  let normal = (a + 0x7ffffu + ((a >> 20u) & 1u) - 0x3c000000u) >> 20u;
  let finite = select(normal, small, a < 0x3c800000u);
  return select(finite, 0x7fu, math_is_nan(x)) | ((bits >> 24u) & 0x80u);
}

fn decode_e4m3(bits: u32) -> f32 {
  let a = bits & 0x7fu;
  let finite = select(bitcast<f32>((a << 20u) + 0x3c000000u), f32(a) * 0.001953125, a < 8u);
  return bitcast<f32>(bitcast<u32>(select(finite, math_nan(), a == 0x7fu)) | ((bits & 0x80u) << 24u));
}

// The nearest e2m1, of two the even one; at most 6, which is the greatest, and 0 for NaN, which there is none of.
fn encode_e2m1(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let a = min(bits & 0x7fffffffu, 0x40c00000u);
  let small = u32(round(bitcast<f32>(a) * 2.0));
  let normal = (a + 0x1fffffu + ((a >> 22u) & 1u) - 0x3f000000u) >> 22u;
  let code = select(normal, small, a < 0x3f800000u) | ((bits >> 28u) & 8u);
  return select(code, 0u, math_is_nan(x));
}

fn decode_e2m1(bits: u32) -> f32 {
  let a = bits & 7u;
  let size = select(bitcast<f32>((a << 22u) + 0x3f000000u), f32(a) * 0.5, a < 2u);
  return bitcast<f32>(bitcast<u32>(size) | ((bits & 8u) << 28u));
}

// The power of two that is not above the value; the least is 2^-126, since adapters take what is below for 0.
fn encode_e8m0(x: f32) -> u32 {
  return select(clamp((bitcast<u32>(x) & 0x7fffffffu) >> 23u, 1u, 254u), 255u, math_is_nan(x));
}

fn decode_e8m0(bits: u32) -> f32 {
  let a = bits & 0xffu;
  return select(bitcast<f32>(a << 23u), math_nan(), a == 255u);
}
`;
