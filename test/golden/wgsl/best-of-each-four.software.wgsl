// best of each four.lcomp:1:1
@group(0) @binding(0) var<storage, read> x0: array<f32>;
@group(0) @binding(1) var<storage, read_write> y0: array<u32>;

fn load_score(row: u32, i: u32) -> f32 {
  return abs(x0[row * 4u + i]);
}

fn store_mask(row: u32, i: u32, kept: bool) {
  y0[row * 4u + i] = select(0u, 1u, kept);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let position = group.x;
  let row = position * 64u + lane;
  if (row >= 2048u) { return; }
  let x0 = load_score(row, 0u);
  let x1 = load_score(row, 1u);
  let x2 = load_score(row, 2u);
  let x3 = load_score(row, 3u);
  store_mask(row, 0u, u32(x1 >= x0) + u32(x2 >= x0) + u32(x3 >= x0) < 2u);
  store_mask(row, 1u, u32(x0 > x1) + u32(x2 >= x1) + u32(x3 >= x1) < 2u);
  store_mask(row, 2u, u32(x0 > x2) + u32(x1 > x2) + u32(x3 >= x2) < 2u);
  store_mask(row, 3u, u32(x0 > x3) + u32(x1 > x3) + u32(x2 > x3) < 2u);
}
