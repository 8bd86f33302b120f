// softmax of rows.lcomp:1:1
@group(0) @binding(0) var<storage, read> x0: array<f32>;
@group(0) @binding(1) var<storage, read_write> y0: array<f32>;
fn math_is_nan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

// Constants of these bits, which WGSL refuses as constants.
fn math_infinity() -> f32 {
  var bits = 0x7f800000u;
  return bitcast<f32>(bits);
}

// exp(r) - 1 for |r| <= ln 2 / 2.
fn math_expm1(r: f32) -> f32 {
  var p = 1.3814598735e-3;
  p = p * r + 8.3687170179e-3;
  p = p * r + 4.1668388054e-2;
  p = p * r + 1.6666520631e-1;
  p = p * r + 4.9999993448e-1;
  return p * (r * r) + r;
}

// x · log₂ e to the nearest whole number n, as 1.5 · 2^23 + n: the low bits are those of n.
fn math_octaves(x: f32) -> f32 {
  return max(x * 1.44269504 + 12582912.0, 1.0);
}

// x - n·ln 2; ln 2 in two parts, n times the first is exact.
fn math_within_octave(x: f32, n: f32) -> f32 {
  return (x - n * 0.693359375) - n * -2.12194440e-4;
}

// exp(n·ln 2 + r) = 2^n · exp(r).
fn math_exp(x: f32) -> f32 {
  let octaves = math_octaves(x);
  let y = max(math_expm1(math_within_octave(x, octaves - 12582912.0)), -2.0) + 1.0;
  let scaled = bitcast<f32>(bitcast<u32>(y) + (bitcast<u32>(octaves) << 23u));
  let finite = select(scaled, 0.0, x < -87.336544);
  return select(select(finite, math_infinity(), x > 88.722835), x, math_is_nan(x));
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
