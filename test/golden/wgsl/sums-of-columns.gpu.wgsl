// sums of columns.lcomp:1:1
@group(0) @binding(0) var<storage, read> x0: array<f32>;
@group(0) @binding(1) var<storage, read_write> y0: array<f32>;
fn fence(x: f32) -> f32 { let length = arrayLength(&x0); return select(x, f32(length), length == 0u); }
var<private> negative_zero_bits: u32 = 0x80000000u;
fn negative_zero() -> f32 { return bitcast<f32>(negative_zero_bits); }

fn compute(element: u32) {
  var sum = fence(negative_zero());
  for (var token = 0u; token < 512u; token++) {
    sum = sum + x0[token * 128u + element];
  }
  y0[element] = sum;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let position = group.x;
  let first = position * 64u + lane;
  compute(first);
}
