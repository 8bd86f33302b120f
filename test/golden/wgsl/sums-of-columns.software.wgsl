// sums of columns.lcomp:1:1
@group(0) @binding(0) var<storage, read> x0: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y0: array<vec4f>;
fn fence(x: f32) -> f32 { let length = arrayLength(&x0); return select(x, f32(length), length == 0u); }
var<private> negative_zero_bits: u32 = 0x80000000u;
fn negative_zero() -> f32 { return bitcast<f32>(negative_zero_bits); }

fn compute(element: u32) {
  var sum_partial: array<vec4f, 64>;
  for (var part = 0u; part < 64u; part++) {
    var sum = vec4f(fence(negative_zero()));
    for (var token = part; token < 512u; token += 64u) {
      sum = sum + x0[token * 32u + element];
    }
    sum_partial[part] = sum;
  }
  for (var half = 32u; half > 0u; half /= 2u) {
    for (var i = 0u; i < half; i++) { sum_partial[i] = sum_partial[i] + sum_partial[i + half]; }
  }
  let sum = sum_partial[0];
  y0[element] = sum;
}

@compute @workgroup_size(16)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let position = group.x;
  let first = position * 16u + lane;
  compute(first);
}
