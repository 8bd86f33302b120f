// softmax of rows.lcomp:1:1
enable subgroups;
@group(0) @binding(0) var<storage, read> x0: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y0: array<vec4f>;
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
fn math_exp4(a: vec4f) -> vec4f { return vec4f(math_exp(a.x), math_exp(a.y), math_exp(a.z), math_exp(a.w)); }

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let position = group.x;
  var greatest0 = vec4f(-infinity());
  var greatest1 = vec4f(-infinity());
  for (var start = 0u; start < 32u; start += 16u) {
    {
      let model_quarter = start + lane;
      let x = x0[position * 32u + model_quarter];
      greatest0 = max(greatest0, x);
    }
    {
      let model_2_quarter = start + 8u + lane;
      let x_2 = x0[position * 32u + model_2_quarter];
      greatest1 = max(greatest1, x_2);
    }
  }
  greatest0 = max(greatest0, greatest1);
  let other = subgroupShuffleXor(greatest0, 4u);
  greatest0 = max(greatest0, other);
  let other_2 = subgroupShuffleXor(greatest0, 2u);
  greatest0 = max(greatest0, other_2);
  let other_3 = subgroupShuffleXor(greatest0, 1u);
  greatest0 = max(greatest0, other_3);
  let pair = max(greatest0.xy, greatest0.zw);
  let whole = max(pair.x, pair.y);
  var sum0 = vec4f(fence(negative_zero()));
  var sum1 = vec4f(fence(negative_zero()));
  for (var start_2 = 0u; start_2 < 32u; start_2 += 16u) {
    {
      let model_3_quarter = start_2 + lane;
      let x_3 = x0[position * 32u + model_3_quarter];
      let exp_ = math_exp4((x_3 - vec4f(whole)));
      sum0 = sum0 + exp_;
      y0[position * 32u + model_3_quarter] = exp_;
    }
    {
      let model_4_quarter = start_2 + 8u + lane;
      let x_4 = x0[position * 32u + model_4_quarter];
      let exp__2 = math_exp4((x_4 - vec4f(whole)));
      sum1 = sum1 + exp__2;
      y0[position * 32u + model_4_quarter] = exp__2;
    }
  }
  sum0 = sum0 + sum1;
  let other_4 = subgroupShuffleXor(sum0, 4u);
  sum0 = sum0 + other_4;
  let other_5 = subgroupShuffleXor(sum0, 2u);
  sum0 = sum0 + other_5;
  let other_6 = subgroupShuffleXor(sum0, 1u);
  sum0 = sum0 + other_6;
  let pair_2 = sum0.xy + sum0.zw;
  let whole_2 = pair_2.x + pair_2.y;
  for (var model_5_quarter = lane; model_5_quarter < 32u; model_5_quarter += 8u) {
    let kept = y0[position * 32u + model_5_quarter];
    y0[position * 32u + model_5_quarter] = kept / vec4f(whole_2);
  }
}
