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
  let key0 = key_of(row, 0u);
  let key1 = key_of(row, 1u);
  let key2 = key_of(row, 2u);
  let key3 = key_of(row, 3u);
  store_mask(row, 0u, u32(key1 >= key0) + u32(key2 >= key0) + u32(key3 >= key0) < 2u);
  store_mask(row, 1u, u32(key0 > key1) + u32(key2 >= key1) + u32(key3 >= key1) < 2u);
  store_mask(row, 2u, u32(key0 > key2) + u32(key1 > key2) + u32(key3 >= key2) < 2u);
  store_mask(row, 3u, u32(key0 > key3) + u32(key1 > key3) + u32(key2 > key3) < 2u);
}

// The rank of a score: in the order of the scores, -0 equal to 0, and NaN below all others.
fn key_of(row: u32, i: u32) -> u32 {
  let bits = bitcast<u32>(load_score(row, i));
  let ordered = select(bits | 0x80000000u, ~bits, bits > 0x80000000u);
  return select(ordered, 0u, (bits & 0x7fffffffu) > 0x7f800000u);
}
