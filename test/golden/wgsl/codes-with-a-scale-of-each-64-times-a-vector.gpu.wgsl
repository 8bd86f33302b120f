// codes with a scale of each 64 times a vector.lcomp:1:1
@group(0) @binding(0) var<storage, read> x0: array<f32>;
@group(0) @binding(1) var<storage, read> x1: array<u32>;
fn read_x1(i: u32) -> f32 { return decode_f16((x1[i >> 1u] >> ((i & 1u) * 16u))); }
@group(0) @binding(2) var<storage, read> x2: array<u32>;
fn read_x2(i: u32) -> i32 { return decode_u4((x2[i >> 3u] >> ((i & 7u) * 4u))); }
@group(0) @binding(3) var<storage, read_write> y0: array<f32>;
fn decode_f16(bits: u32) -> f32 { return unpack2x16float(bits).x; }
fn fence(x: f32) -> f32 { let length = arrayLength(&x0); return select(x, f32(length), length == 0u); }
var<private> negative_zero_bits: u32 = 0x80000000u;
fn negative_zero() -> f32 { return bitcast<f32>(negative_zero_bits); }
fn decode_u4(bits: u32) -> i32 { return i32(bits & 15u); }
var<workgroup> shared_sum0: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let position = group.x;
  var sum0 = fence(negative_zero());
  for (var in_dim = lane; in_dim < 256u; in_dim += 64u) {
    sum0 = sum0 + (x0[in_dim] * (read_x1(position * 4u + (in_dim / 64u)) * f32(read_x2(position * 256u + in_dim))));
  }
  shared_sum0[lane] = sum0;
  workgroupBarrier();
  if (lane < 32u) {
    let other = shared_sum0[lane + 32u];
    sum0 = sum0 + other;
  }
  workgroupBarrier();
  shared_sum0[lane] = sum0;
  workgroupBarrier();
  if (lane < 16u) {
    let other = shared_sum0[lane + 16u];
    sum0 = sum0 + other;
  }
  workgroupBarrier();
  shared_sum0[lane] = sum0;
  workgroupBarrier();
  if (lane < 8u) {
    let other = shared_sum0[lane + 8u];
    sum0 = sum0 + other;
  }
  workgroupBarrier();
  shared_sum0[lane] = sum0;
  workgroupBarrier();
  if (lane < 4u) {
    let other = shared_sum0[lane + 4u];
    sum0 = sum0 + other;
  }
  workgroupBarrier();
  shared_sum0[lane] = sum0;
  workgroupBarrier();
  if (lane < 2u) {
    let other = shared_sum0[lane + 2u];
    sum0 = sum0 + other;
  }
  workgroupBarrier();
  shared_sum0[lane] = sum0;
  workgroupBarrier();
  if (lane < 1u) {
    let other = shared_sum0[lane + 1u];
    sum0 = sum0 + other;
  }
  if (lane == 0u) { shared_sum0[lane] = sum0; }
  workgroupBarrier();
  let whole = shared_sum0[0];
  if (lane == 0u) { y0[position] = whole; }
}
