// codes that have one of each half of a block in a byte.lcomp:1:1
@group(0) @binding(0) var<storage, read> x0: array<u32>;
fn read4_x0(i: u32) -> vec4f {
  let w0 = x0[i * 2u + 0u];
  let w1 = x0[i * 2u + 1u];
  return vec4f(decode_bf16(w0 >> 0u), decode_bf16(w0 >> 16u), decode_bf16(w1 >> 0u), decode_bf16(w1 >> 16u));
}
@group(0) @binding(1) var<storage, read_write> y0: array<u32>;
fn math_is_nan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

fn decode_bf16(bits: u32) -> f32 { return bitcast<f32>(bits << 16u); }
fn round_u4(x: f32) -> i32 { return select(bitcast<i32>(trunc(clamp(x, 0.0, 15.0)) + 12582912.0) - 0x4b400000, 0, math_is_nan(x)); }
fn round_u44(a: vec4f) -> vec4i { return vec4i(round_u4(a.x), round_u4(a.y), round_u4(a.z), round_u4(a.w)); }

fn compute(element: u32) {
  let at = element / 16u;
  let at_2 = element % 16u;
  let at_3 = at_2 / 4u;
  let at_4 = at_2 % 4u;
  let four = round_u44(read4_x0(at * 32u + at_3 * 8u + at_4) * vec4f(8.0));
  let four_2 = round_u44(read4_x0(at * 32u + at_3 * 8u + at_4 + 4u) * vec4f(8.0));
  y0[element] = (u32(four.x) & 15u) | ((u32(four_2.x) & 15u) << 4u) | ((u32(four.y) & 15u) << 8u) | ((u32(four_2.y) & 15u) << 12u) | ((u32(four.z) & 15u) << 16u) | ((u32(four_2.z) & 15u) << 20u) | ((u32(four.w) & 15u) << 24u) | ((u32(four_2.w) & 15u) << 28u);
}

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let position = group.x;
  let first = position * 128u + lane;
  compute(first);
}
