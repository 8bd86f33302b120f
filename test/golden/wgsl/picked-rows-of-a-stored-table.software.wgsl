// picked rows of a stored table.lcomp:1:1
@group(0) @binding(0) var<storage, read> x0: array<i32>;
@group(0) @binding(1) var<storage, read> x1: array<u32>;
fn read_x1(i: u32) -> f32 {
  return read_bf16(x1[(i >> 1u)], i);
}
@group(0) @binding(2) var<storage, read_write> y0: array<vec4f>;
fn read_bf16(word: u32, i: u32) -> f32 { return bitcast<f32>(select(word << 16u, word & 0xffff0000u, (i & 1u) == 1u)); }

fn compute(element: u32) {
  if (element >= 1056u) { return; }
  let addresses = u32(clamp(x0[(element / 32u)], 0, 999)) * 128u + (element % 32u) * 4u + vec4u(0u, 1u, 2u, 3u);
  y0[element] = vec4(read_x1(addresses.x), read_x1(addresses.y), read_x1(addresses.z), read_x1(addresses.w));
}

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let position = group.x;
  let first = position * 128u + lane;
  compute(first);
}
