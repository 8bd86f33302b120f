// norm of rows.lcomp:1:1
enable subgroups;
@group(0) @binding(0) var<storage, read> x0: array<vec4f>;
@group(0) @binding(1) var<storage, read> x1: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y0: array<vec4f>;
fn fence(x: f32) -> f32 { let length = arrayLength(&x0); return select(x, f32(length), length == 0u); }
var<private> negative_zero_bits: u32 = 0x80000000u;
fn negative_zero() -> f32 { return bitcast<f32>(negative_zero_bits); }

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let position = group.x;
  var sum0 = vec4f(fence(negative_zero()));
  var sum1 = vec4f(fence(negative_zero()));
  for (var start = 0u; start < 32u; start += 16u) {
    {
      let model_quarter = start + lane;
      let x = x0[position * 32u + model_quarter];
      sum0 = sum0 + (x * x);
    }
    {
      let model_2_quarter = start + 8u + lane;
      let x_2 = x0[position * 32u + model_2_quarter];
      sum1 = sum1 + (x_2 * x_2);
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
  let mul_ = fence(whole) * 0.0078125;
  let add_ = mul_ + 0.000009999999747378752;
  let rsqrt_ = 1.0 / sqrt(add_);
  for (var model_3_quarter = lane; model_3_quarter < 32u; model_3_quarter += 8u) {
    let x_3 = x0[position * 32u + model_3_quarter];
    y0[position * 32u + model_3_quarter] = (x_3 * vec4f(rsqrt_)) * x1[model_3_quarter];
  }
}
