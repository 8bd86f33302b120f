// greatest of short rows.lcomp:1:1
@group(0) @binding(0) var<storage, read> x0: array<f32>;
@group(0) @binding(1) var<storage, read_write> y0: array<i32>;
var<private> infinity_bits: u32 = 0x7f800000u;
fn infinity() -> f32 { return bitcast<f32>(infinity_bits); }

fn compute(element: u32) {
  if (element >= 100u) { return; }
  var place = -infinity();
  var place_at = i32(0);
  for (var n_dim = 0u; n_dim < 7u; n_dim++) {
    let term = x0[element * 7u + n_dim];
    place_at = select(place_at, i32(i32(n_dim)), term > place);
    place = max(place, term);
  }
  y0[element] = place_at;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let position = group.x;
  let first = position * 64u + lane;
  compute(first);
}
