// norm of rows.lcomp:1:1
@group(0) @binding(0) var<storage, read> x0: array<f32>;
@group(0) @binding(1) var<storage, read> x1: array<f32>;
@group(0) @binding(2) var<storage, read_write> y0: array<f32>;
fn fence(x: f32) -> f32 { let length = arrayLength(&x0); return select(x, f32(length), length == 0u); }
var<private> negative_zero_bits: u32 = 0x80000000u;
fn negative_zero() -> f32 { return bitcast<f32>(negative_zero_bits); }
var<workgroup> shared_sum0: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let position = group.x;
  var sum0 = fence(negative_zero());
  for (var model = lane; model < 128u; model += 64u) {
    let x = x0[position * 128u + model];
    sum0 = sum0 + (x * x);
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
  let mul_ = fence(whole) * 0.0078125;
  let add_ = mul_ + 0.000009999999747378752;
  let rsqrt_ = 1.0 / sqrt(add_);
  for (var model_2 = lane; model_2 < 128u; model_2 += 64u) {
    let x_2 = x0[position * 128u + model_2];
    y0[position * 128u + model_2] = (x_2 * rsqrt_) * x1[model_2];
  }
}
