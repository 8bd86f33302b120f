// picked rows of a stored table.lcomp:1:1
@group(0) @binding(0) var<storage, read> x0: array<i32>;
@group(0) @binding(1) var<storage, read> x1: array<u32>;
fn read4_x1(i: u32) -> vec4f {
  let w0 = x1[i * 2u + 0u];
  let w1 = x1[i * 2u + 1u];
  return vec4f(decode_bf16(w0 >> 0u), decode_bf16(w0 >> 16u), decode_bf16(w1 >> 0u), decode_bf16(w1 >> 16u));
}
@group(0) @binding(2) var<storage, read_write> y0: array<vec4f>;
fn decode_bf16(bits: u32) -> f32 { return bitcast<f32>(bits << 16u); }

fn compute(element: u32) {
  if (element >= 1056u) { return; }
  y0[element] = read4_x1(u32(clamp(x0[(element / 32u)], 0, 999)) * 32u + (element % 32u));
}

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let position = group.x;
  let first = position * 128u + lane;
  compute(first);
}
