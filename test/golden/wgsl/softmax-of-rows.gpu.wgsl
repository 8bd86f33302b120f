// softmax of rows.lcomp:1:1
@group(0) @binding(0) var<storage, read> x0: array<f32>;
@group(0) @binding(1) var<storage, read_write> y0: array<f32>;
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
var<private> infinity_bits: u32 = 0x7f800000u;
fn infinity() -> f32 { return bitcast<f32>(infinity_bits); }
fn fence(x: f32) -> f32 { let length = arrayLength(&x0); return select(x, f32(length), length == 0u); }
var<private> negative_zero_bits: u32 = 0x80000000u;
fn negative_zero() -> f32 { return bitcast<f32>(negative_zero_bits); }
var<workgroup> shared_greatest0: array<f32, 64>;
var<workgroup> shared_sum0: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let position = group.x;
  var greatest0 = -infinity();
  for (var model = lane; model < 128u; model += 64u) {
    let x = x0[position * 128u + model];
    greatest0 = max(greatest0, x);
  }
  shared_greatest0[lane] = greatest0;
  workgroupBarrier();
  if (lane < 32u) {
    let other = shared_greatest0[lane + 32u];
    greatest0 = max(greatest0, other);
  }
  workgroupBarrier();
  shared_greatest0[lane] = greatest0;
  workgroupBarrier();
  if (lane < 16u) {
    let other = shared_greatest0[lane + 16u];
    greatest0 = max(greatest0, other);
  }
  workgroupBarrier();
  shared_greatest0[lane] = greatest0;
  workgroupBarrier();
  if (lane < 8u) {
    let other = shared_greatest0[lane + 8u];
    greatest0 = max(greatest0, other);
  }
  workgroupBarrier();
  shared_greatest0[lane] = greatest0;
  workgroupBarrier();
  if (lane < 4u) {
    let other = shared_greatest0[lane + 4u];
    greatest0 = max(greatest0, other);
  }
  workgroupBarrier();
  shared_greatest0[lane] = greatest0;
  workgroupBarrier();
  if (lane < 2u) {
    let other = shared_greatest0[lane + 2u];
    greatest0 = max(greatest0, other);
  }
  workgroupBarrier();
  shared_greatest0[lane] = greatest0;
  workgroupBarrier();
  if (lane < 1u) {
    let other = shared_greatest0[lane + 1u];
    greatest0 = max(greatest0, other);
  }
  if (lane == 0u) { shared_greatest0[lane] = greatest0; }
  workgroupBarrier();
  let whole = shared_greatest0[0];
  var sum0 = fence(negative_zero());
  for (var model_2 = lane; model_2 < 128u; model_2 += 64u) {
    let x_2 = x0[position * 128u + model_2];
    let exp_ = math_exp((x_2 - whole));
    sum0 = sum0 + exp_;
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
  let whole_2 = shared_sum0[0];
  for (var model_3 = lane; model_3 < 128u; model_3 += 64u) {
    let x_3 = x0[position * 128u + model_3];
    let exp__2 = math_exp((x_3 - whole));
    y0[position * 128u + model_3] = exp__2 / whole_2;
  }
}
