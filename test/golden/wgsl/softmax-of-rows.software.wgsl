// softmax of rows.lcomp:1:1
enable subgroups;
@group(0) @binding(0) var<storage, read> x0: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y0: array<vec4f>;
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
