// codes with a scale of each 64 times a vector.lcomp:1:1
enable subgroups;
@group(0) @binding(0) var<storage, read> x0: array<vec4f>;
@group(0) @binding(1) var<storage, read> x1: array<u32>;
fn read_x1(i: u32) -> f32 { return decode_f16((x1[i >> 1u] >> ((i & 1u) * 16u))); }
@group(0) @binding(2) var<storage, read> x2: array<u32>;
fn read4_x2(i: u32) -> vec4i {
  let w0 = (x2[i >> 1u] >> ((i & 1u) * 16u));
  return vec4i(decode_u4(w0 >> 0u), decode_u4(w0 >> 4u), decode_u4(w0 >> 8u), decode_u4(w0 >> 12u));
}
@group(0) @binding(3) var<storage, read_write> y0: array<f32>;
fn decode_f16(bits: u32) -> f32 { return unpack2x16float(bits).x; }
fn fence(x: f32) -> f32 { let length = arrayLength(&x0); return select(x, f32(length), length == 0u); }
var<private> negative_zero_bits: u32 = 0x80000000u;
fn negative_zero() -> f32 { return bitcast<f32>(negative_zero_bits); }
fn decode_u4(bits: u32) -> i32 { return i32(bits & 15u); }

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let position = group.x;
  var sum0 = vec4f(fence(negative_zero()));
  var sum1 = vec4f(fence(negative_zero()));
  for (var start = 0u; start < 64u; start += 16u) {
    {
      let in_dim_quarter = start + lane;
      sum0 = sum0 + (x0[in_dim_quarter] * (vec4(read_x1(position * 4u + (in_dim_quarter / 16u))) * vec4f(read4_x2(position * 64u + in_dim_quarter))));
    }
    {
      let in_dim_2_quarter = start + 8u + lane;
      sum1 = sum1 + (x0[in_dim_2_quarter] * (vec4(read_x1(position * 4u + (in_dim_2_quarter / 16u))) * vec4f(read4_x2(position * 64u + in_dim_2_quarter))));
    }
  }
  sum0 = sum0 + sum1;
  let other = subgroupShuffleXor(sum0, 4u);
  sum0 = sum0 + other;
  let other_2 = subgroupShuffleXor(sum0, 2u);
  sum0 = sum0 + other_2;
  let other_3 = subgroupShuffleXor(sum0, 1u);
  sum0 = sum0 + other_3;
  let pair = sum0.xy + sum0.zw;
  let whole = pair.x + pair.y;
  if (lane == 0u) { y0[position] = whole; }
}
