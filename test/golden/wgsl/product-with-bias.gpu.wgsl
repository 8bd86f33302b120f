// product with bias.lcomp:1:1
@group(0) @binding(0) var<storage, read> x0: array<f32>;
@group(0) @binding(1) var<storage, read_write> y0: array<f32>;
@group(0) @binding(2) var<storage, read> x1: array<f32>;
@group(0) @binding(3) var<storage, read> x2: array<u32>;
fn read_x2(i: u32) -> f32 { return decode_f16((x2[i >> 1u] >> ((i & 1u) * 16u))); }
fn decode_f16(bits: u32) -> f32 { return unpack2x16float(bits).x; }
fn fence(x: f32) -> f32 { let length = arrayLength(&x0); return select(x, f32(length), length == 0u); }

fn load_a(batch: u32, m: u32, k: u32) -> f32 {
  return x1[m * 128u + k];
}

fn load_b0(batch: u32, k: u32, n: u32) -> f32 {
  return read_x2(n * 128u + k);
}

fn store(batch: u32, m: u32, n: u32, s0: f32) {
  y0[m * 50u + n] = fence(s0) + x0[n];
}

var<private> nothing: u32 = 0x80000000u;
const DEPTH = 16u;
var<workgroup> a_tile: array<vec4f, 144>;
var<workgroup> b0_tile: array<vec4f, 144>;

fn load_tiles(batch: u32, first_m: u32, first_n: u32, first_k: u32, lane: u32) {
  for (var i = lane; i < 128u; i += 64u) {
    let u = i % DEPTH;
    let k = first_k + u;
    let m = first_m + i / DEPTH * 4u;
    a_tile[u * 9u + i / DEPTH] = vec4f(load_a(batch, m, k), load_a(batch, m + 1u, k), load_a(batch, m + 2u, k), load_a(batch, m + 3u, k));
  }
  for (var i = lane; i < 128u; i += 64u) {
    let u = i % DEPTH;
    let k = first_k + u;
    let n = first_n + i / DEPTH * 4u;
    b0_tile[u * 9u + i / DEPTH] = vec4f(load_b0(batch, k, min(n, 49u)), load_b0(batch, k, min(n + 1u, 49u)), load_b0(batch, k, min(n + 2u, 49u)), load_b0(batch, k, min(n + 3u, 49u)));
  }
}

@compute @workgroup_size(8, 8)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) at: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row_tile = group.x;
  let column_tile = group.y;
  let batch = 0u;
  let first_m = row_tile * 32u;
  let first_n = column_tile * 32u;
  var s0_0_0 = vec4f(bitcast<f32>(nothing));
  var s0_1_0 = vec4f(bitcast<f32>(nothing));
  var s0_2_0 = vec4f(bitcast<f32>(nothing));
  var s0_3_0 = vec4f(bitcast<f32>(nothing));
  for (var k = 0u; k < 128u; k += DEPTH) {
    load_tiles(batch, first_m, first_n, k, lane);
    workgroupBarrier();
    for (var u = 0u; u < DEPTH; u++) {
      let a0 = a_tile[u * 9u + at.y];
      let b0_0 = b0_tile[u * 9u + at.x];
      s0_0_0 = fma(vec4f(a0.x), b0_0, s0_0_0);
      s0_1_0 = fma(vec4f(a0.y), b0_0, s0_1_0);
      s0_2_0 = fma(vec4f(a0.z), b0_0, s0_2_0);
      s0_3_0 = fma(vec4f(a0.w), b0_0, s0_3_0);
    }
    workgroupBarrier();
  }
  let n = first_n + at.x * 4u;
  for (var row = 0u; row < 4u; row++) {
    let m = first_m + at.y * 4u + row;
    if (n < 50u) { store(batch, m, n, s0_0_0.x); }
    if (n + 1u < 50u) { store(batch, m, n + 1u, s0_0_0.y); }
    if (n + 2u < 50u) { store(batch, m, n + 2u, s0_0_0.z); }
    if (n + 3u < 50u) { store(batch, m, n + 3u, s0_0_0.w); }
    s0_0_0 = s0_1_0;
    s0_1_0 = s0_2_0;
    s0_2_0 = s0_3_0;
  }
}
