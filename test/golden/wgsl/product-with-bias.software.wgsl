// product with bias.lcomp:1:1
@group(0) @binding(0) var<storage, read> x0: array<u32>;
fn read_x0(i: u32) -> f32 { return decode_f16((x0[i >> 1u] >> ((i & 1u) * 16u))); }
@group(0) @binding(1) var<storage, read_write> y0: array<f32>;
fn decode_f16(bits: u32) -> f32 { return unpack2x16float(bits).x; }

fn compute(element: u32) {
  if ((element / 4096u) * 32u + (element % 32u) < 50u) {
    y0[element] = read_x0(min((element / 4096u) * 32u + (element % 32u), 49u) * 128u + ((element / 32u) % 128u));
  }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let position = group.x;
  let first = position * 256u + lane;
  compute(first);
}

----

// product with bias.lcomp:1:1
enable subgroups;
@group(0) @binding(0) var<storage, read> x0: array<f32>;
@group(0) @binding(1) var<storage, read_write> y0: array<f32>;
@group(0) @binding(2) var<storage, read> x1: array<f32>;
@group(0) @binding(3) var<storage, read> x2: array<f32>;
fn fence(x: f32) -> f32 { let length = arrayLength(&x0); return select(x, f32(length), length == 0u); }

fn load_a(batch: u32, m: u32, k: u32) -> f32 {
  return x1[m * 128u + k];
}

fn load_b0(batch: u32, k: u32, n: u32) -> f32 {
  return x2[(n / 32u) * 4096u + k * 32u + (n % 32u)];
}

fn store(batch: u32, m: u32, n: u32, s0: f32) {
  y0[m * 50u + n] = fence(s0) + x0[n];
}

var<private> nothing: u32 = 0x80000000u;

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row_tile = group.x;
  let column_tile = group.y;
  let batch = 0u;
  let first_m = row_tile * 16u;
  let first_n = column_tile * 32u + lane;
  let m0 = first_m;
  let m1 = first_m + 1u;
  let m2 = first_m + 2u;
  let m3 = first_m + 3u;
  let m4 = first_m + 4u;
  let m5 = first_m + 5u;
  let m6 = first_m + 6u;
  let m7 = first_m + 7u;
  let m8 = first_m + 8u;
  let m9 = first_m + 9u;
  let m10 = first_m + 10u;
  let m11 = first_m + 11u;
  let m12 = first_m + 12u;
  let m13 = first_m + 13u;
  let m14 = first_m + 14u;
  let m15 = first_m + 15u;
  let n0 = first_n;
  let n1 = first_n + 8u;
  let n2 = first_n + 16u;
  let n3 = first_n + 24u;
  var s0_0_0 = bitcast<f32>(nothing); var s0_0_1 = bitcast<f32>(nothing); var s0_0_2 = bitcast<f32>(nothing); var s0_0_3 = bitcast<f32>(nothing);
  var s0_1_0 = bitcast<f32>(nothing); var s0_1_1 = bitcast<f32>(nothing); var s0_1_2 = bitcast<f32>(nothing); var s0_1_3 = bitcast<f32>(nothing);
  var s0_2_0 = bitcast<f32>(nothing); var s0_2_1 = bitcast<f32>(nothing); var s0_2_2 = bitcast<f32>(nothing); var s0_2_3 = bitcast<f32>(nothing);
  var s0_3_0 = bitcast<f32>(nothing); var s0_3_1 = bitcast<f32>(nothing); var s0_3_2 = bitcast<f32>(nothing); var s0_3_3 = bitcast<f32>(nothing);
  var s0_4_0 = bitcast<f32>(nothing); var s0_4_1 = bitcast<f32>(nothing); var s0_4_2 = bitcast<f32>(nothing); var s0_4_3 = bitcast<f32>(nothing);
  var s0_5_0 = bitcast<f32>(nothing); var s0_5_1 = bitcast<f32>(nothing); var s0_5_2 = bitcast<f32>(nothing); var s0_5_3 = bitcast<f32>(nothing);
  var s0_6_0 = bitcast<f32>(nothing); var s0_6_1 = bitcast<f32>(nothing); var s0_6_2 = bitcast<f32>(nothing); var s0_6_3 = bitcast<f32>(nothing);
  var s0_7_0 = bitcast<f32>(nothing); var s0_7_1 = bitcast<f32>(nothing); var s0_7_2 = bitcast<f32>(nothing); var s0_7_3 = bitcast<f32>(nothing);
  var s0_8_0 = bitcast<f32>(nothing); var s0_8_1 = bitcast<f32>(nothing); var s0_8_2 = bitcast<f32>(nothing); var s0_8_3 = bitcast<f32>(nothing);
  var s0_9_0 = bitcast<f32>(nothing); var s0_9_1 = bitcast<f32>(nothing); var s0_9_2 = bitcast<f32>(nothing); var s0_9_3 = bitcast<f32>(nothing);
  var s0_10_0 = bitcast<f32>(nothing); var s0_10_1 = bitcast<f32>(nothing); var s0_10_2 = bitcast<f32>(nothing); var s0_10_3 = bitcast<f32>(nothing);
  var s0_11_0 = bitcast<f32>(nothing); var s0_11_1 = bitcast<f32>(nothing); var s0_11_2 = bitcast<f32>(nothing); var s0_11_3 = bitcast<f32>(nothing);
  var s0_12_0 = bitcast<f32>(nothing); var s0_12_1 = bitcast<f32>(nothing); var s0_12_2 = bitcast<f32>(nothing); var s0_12_3 = bitcast<f32>(nothing);
  var s0_13_0 = bitcast<f32>(nothing); var s0_13_1 = bitcast<f32>(nothing); var s0_13_2 = bitcast<f32>(nothing); var s0_13_3 = bitcast<f32>(nothing);
  var s0_14_0 = bitcast<f32>(nothing); var s0_14_1 = bitcast<f32>(nothing); var s0_14_2 = bitcast<f32>(nothing); var s0_14_3 = bitcast<f32>(nothing);
  var s0_15_0 = bitcast<f32>(nothing); var s0_15_1 = bitcast<f32>(nothing); var s0_15_2 = bitcast<f32>(nothing); var s0_15_3 = bitcast<f32>(nothing);
  for (var k = 0u; k < 128u; k += 8u) {
    let own_k = k + lane;
    let b0_0_0 = load_b0(batch, k, n0);
    let b0_1_0 = load_b0(batch, k, n1);
    let b0_2_0 = load_b0(batch, k, n2);
    let b0_3_0 = load_b0(batch, k, n3);
    let b0_0_1 = load_b0(batch, k + 1u, n0);
    let b0_1_1 = load_b0(batch, k + 1u, n1);
    let b0_2_1 = load_b0(batch, k + 1u, n2);
    let b0_3_1 = load_b0(batch, k + 1u, n3);
    let b0_0_2 = load_b0(batch, k + 2u, n0);
    let b0_1_2 = load_b0(batch, k + 2u, n1);
    let b0_2_2 = load_b0(batch, k + 2u, n2);
    let b0_3_2 = load_b0(batch, k + 2u, n3);
    let b0_0_3 = load_b0(batch, k + 3u, n0);
    let b0_1_3 = load_b0(batch, k + 3u, n1);
    let b0_2_3 = load_b0(batch, k + 3u, n2);
    let b0_3_3 = load_b0(batch, k + 3u, n3);
    let b0_0_4 = load_b0(batch, k + 4u, n0);
    let b0_1_4 = load_b0(batch, k + 4u, n1);
    let b0_2_4 = load_b0(batch, k + 4u, n2);
    let b0_3_4 = load_b0(batch, k + 4u, n3);
    let b0_0_5 = load_b0(batch, k + 5u, n0);
    let b0_1_5 = load_b0(batch, k + 5u, n1);
    let b0_2_5 = load_b0(batch, k + 5u, n2);
    let b0_3_5 = load_b0(batch, k + 5u, n3);
    let b0_0_6 = load_b0(batch, k + 6u, n0);
    let b0_1_6 = load_b0(batch, k + 6u, n1);
    let b0_2_6 = load_b0(batch, k + 6u, n2);
    let b0_3_6 = load_b0(batch, k + 6u, n3);
    let b0_0_7 = load_b0(batch, k + 7u, n0);
    let b0_1_7 = load_b0(batch, k + 7u, n1);
    let b0_2_7 = load_b0(batch, k + 7u, n2);
    let b0_3_7 = load_b0(batch, k + 7u, n3);
    let a0 = load_a(batch, m0, own_k);
    let a1 = load_a(batch, m1, own_k);
    let a2 = load_a(batch, m2, own_k);
    let a3 = load_a(batch, m3, own_k);
    { let a = subgroupBroadcast(a0, 0u); s0_0_0 = fma(a, b0_0_0, s0_0_0); s0_0_1 = fma(a, b0_1_0, s0_0_1); s0_0_2 = fma(a, b0_2_0, s0_0_2); s0_0_3 = fma(a, b0_3_0, s0_0_3); }
    { let a = subgroupBroadcast(a1, 0u); s0_1_0 = fma(a, b0_0_0, s0_1_0); s0_1_1 = fma(a, b0_1_0, s0_1_1); s0_1_2 = fma(a, b0_2_0, s0_1_2); s0_1_3 = fma(a, b0_3_0, s0_1_3); }
    { let a = subgroupBroadcast(a2, 0u); s0_2_0 = fma(a, b0_0_0, s0_2_0); s0_2_1 = fma(a, b0_1_0, s0_2_1); s0_2_2 = fma(a, b0_2_0, s0_2_2); s0_2_3 = fma(a, b0_3_0, s0_2_3); }
    { let a = subgroupBroadcast(a3, 0u); s0_3_0 = fma(a, b0_0_0, s0_3_0); s0_3_1 = fma(a, b0_1_0, s0_3_1); s0_3_2 = fma(a, b0_2_0, s0_3_2); s0_3_3 = fma(a, b0_3_0, s0_3_3); }
    { let a = subgroupBroadcast(a0, 1u); s0_0_0 = fma(a, b0_0_1, s0_0_0); s0_0_1 = fma(a, b0_1_1, s0_0_1); s0_0_2 = fma(a, b0_2_1, s0_0_2); s0_0_3 = fma(a, b0_3_1, s0_0_3); }
    { let a = subgroupBroadcast(a1, 1u); s0_1_0 = fma(a, b0_0_1, s0_1_0); s0_1_1 = fma(a, b0_1_1, s0_1_1); s0_1_2 = fma(a, b0_2_1, s0_1_2); s0_1_3 = fma(a, b0_3_1, s0_1_3); }
    { let a = subgroupBroadcast(a2, 1u); s0_2_0 = fma(a, b0_0_1, s0_2_0); s0_2_1 = fma(a, b0_1_1, s0_2_1); s0_2_2 = fma(a, b0_2_1, s0_2_2); s0_2_3 = fma(a, b0_3_1, s0_2_3); }
    { let a = subgroupBroadcast(a3, 1u); s0_3_0 = fma(a, b0_0_1, s0_3_0); s0_3_1 = fma(a, b0_1_1, s0_3_1); s0_3_2 = fma(a, b0_2_1, s0_3_2); s0_3_3 = fma(a, b0_3_1, s0_3_3); }
    { let a = subgroupBroadcast(a0, 2u); s0_0_0 = fma(a, b0_0_2, s0_0_0); s0_0_1 = fma(a, b0_1_2, s0_0_1); s0_0_2 = fma(a, b0_2_2, s0_0_2); s0_0_3 = fma(a, b0_3_2, s0_0_3); }
    { let a = subgroupBroadcast(a1, 2u); s0_1_0 = fma(a, b0_0_2, s0_1_0); s0_1_1 = fma(a, b0_1_2, s0_1_1); s0_1_2 = fma(a, b0_2_2, s0_1_2); s0_1_3 = fma(a, b0_3_2, s0_1_3); }
    { let a = subgroupBroadcast(a2, 2u); s0_2_0 = fma(a, b0_0_2, s0_2_0); s0_2_1 = fma(a, b0_1_2, s0_2_1); s0_2_2 = fma(a, b0_2_2, s0_2_2); s0_2_3 = fma(a, b0_3_2, s0_2_3); }
    { let a = subgroupBroadcast(a3, 2u); s0_3_0 = fma(a, b0_0_2, s0_3_0); s0_3_1 = fma(a, b0_1_2, s0_3_1); s0_3_2 = fma(a, b0_2_2, s0_3_2); s0_3_3 = fma(a, b0_3_2, s0_3_3); }
    { let a = subgroupBroadcast(a0, 3u); s0_0_0 = fma(a, b0_0_3, s0_0_0); s0_0_1 = fma(a, b0_1_3, s0_0_1); s0_0_2 = fma(a, b0_2_3, s0_0_2); s0_0_3 = fma(a, b0_3_3, s0_0_3); }
    { let a = subgroupBroadcast(a1, 3u); s0_1_0 = fma(a, b0_0_3, s0_1_0); s0_1_1 = fma(a, b0_1_3, s0_1_1); s0_1_2 = fma(a, b0_2_3, s0_1_2); s0_1_3 = fma(a, b0_3_3, s0_1_3); }
    { let a = subgroupBroadcast(a2, 3u); s0_2_0 = fma(a, b0_0_3, s0_2_0); s0_2_1 = fma(a, b0_1_3, s0_2_1); s0_2_2 = fma(a, b0_2_3, s0_2_2); s0_2_3 = fma(a, b0_3_3, s0_2_3); }
    { let a = subgroupBroadcast(a3, 3u); s0_3_0 = fma(a, b0_0_3, s0_3_0); s0_3_1 = fma(a, b0_1_3, s0_3_1); s0_3_2 = fma(a, b0_2_3, s0_3_2); s0_3_3 = fma(a, b0_3_3, s0_3_3); }
    { let a = subgroupBroadcast(a0, 4u); s0_0_0 = fma(a, b0_0_4, s0_0_0); s0_0_1 = fma(a, b0_1_4, s0_0_1); s0_0_2 = fma(a, b0_2_4, s0_0_2); s0_0_3 = fma(a, b0_3_4, s0_0_3); }
    { let a = subgroupBroadcast(a1, 4u); s0_1_0 = fma(a, b0_0_4, s0_1_0); s0_1_1 = fma(a, b0_1_4, s0_1_1); s0_1_2 = fma(a, b0_2_4, s0_1_2); s0_1_3 = fma(a, b0_3_4, s0_1_3); }
    { let a = subgroupBroadcast(a2, 4u); s0_2_0 = fma(a, b0_0_4, s0_2_0); s0_2_1 = fma(a, b0_1_4, s0_2_1); s0_2_2 = fma(a, b0_2_4, s0_2_2); s0_2_3 = fma(a, b0_3_4, s0_2_3); }
    { let a = subgroupBroadcast(a3, 4u); s0_3_0 = fma(a, b0_0_4, s0_3_0); s0_3_1 = fma(a, b0_1_4, s0_3_1); s0_3_2 = fma(a, b0_2_4, s0_3_2); s0_3_3 = fma(a, b0_3_4, s0_3_3); }
    { let a = subgroupBroadcast(a0, 5u); s0_0_0 = fma(a, b0_0_5, s0_0_0); s0_0_1 = fma(a, b0_1_5, s0_0_1); s0_0_2 = fma(a, b0_2_5, s0_0_2); s0_0_3 = fma(a, b0_3_5, s0_0_3); }
    { let a = subgroupBroadcast(a1, 5u); s0_1_0 = fma(a, b0_0_5, s0_1_0); s0_1_1 = fma(a, b0_1_5, s0_1_1); s0_1_2 = fma(a, b0_2_5, s0_1_2); s0_1_3 = fma(a, b0_3_5, s0_1_3); }
    { let a = subgroupBroadcast(a2, 5u); s0_2_0 = fma(a, b0_0_5, s0_2_0); s0_2_1 = fma(a, b0_1_5, s0_2_1); s0_2_2 = fma(a, b0_2_5, s0_2_2); s0_2_3 = fma(a, b0_3_5, s0_2_3); }
    { let a = subgroupBroadcast(a3, 5u); s0_3_0 = fma(a, b0_0_5, s0_3_0); s0_3_1 = fma(a, b0_1_5, s0_3_1); s0_3_2 = fma(a, b0_2_5, s0_3_2); s0_3_3 = fma(a, b0_3_5, s0_3_3); }
    { let a = subgroupBroadcast(a0, 6u); s0_0_0 = fma(a, b0_0_6, s0_0_0); s0_0_1 = fma(a, b0_1_6, s0_0_1); s0_0_2 = fma(a, b0_2_6, s0_0_2); s0_0_3 = fma(a, b0_3_6, s0_0_3); }
    { let a = subgroupBroadcast(a1, 6u); s0_1_0 = fma(a, b0_0_6, s0_1_0); s0_1_1 = fma(a, b0_1_6, s0_1_1); s0_1_2 = fma(a, b0_2_6, s0_1_2); s0_1_3 = fma(a, b0_3_6, s0_1_3); }
    { let a = subgroupBroadcast(a2, 6u); s0_2_0 = fma(a, b0_0_6, s0_2_0); s0_2_1 = fma(a, b0_1_6, s0_2_1); s0_2_2 = fma(a, b0_2_6, s0_2_2); s0_2_3 = fma(a, b0_3_6, s0_2_3); }
    { let a = subgroupBroadcast(a3, 6u); s0_3_0 = fma(a, b0_0_6, s0_3_0); s0_3_1 = fma(a, b0_1_6, s0_3_1); s0_3_2 = fma(a, b0_2_6, s0_3_2); s0_3_3 = fma(a, b0_3_6, s0_3_3); }
    { let a = subgroupBroadcast(a0, 7u); s0_0_0 = fma(a, b0_0_7, s0_0_0); s0_0_1 = fma(a, b0_1_7, s0_0_1); s0_0_2 = fma(a, b0_2_7, s0_0_2); s0_0_3 = fma(a, b0_3_7, s0_0_3); }
    { let a = subgroupBroadcast(a1, 7u); s0_1_0 = fma(a, b0_0_7, s0_1_0); s0_1_1 = fma(a, b0_1_7, s0_1_1); s0_1_2 = fma(a, b0_2_7, s0_1_2); s0_1_3 = fma(a, b0_3_7, s0_1_3); }
    { let a = subgroupBroadcast(a2, 7u); s0_2_0 = fma(a, b0_0_7, s0_2_0); s0_2_1 = fma(a, b0_1_7, s0_2_1); s0_2_2 = fma(a, b0_2_7, s0_2_2); s0_2_3 = fma(a, b0_3_7, s0_2_3); }
    { let a = subgroupBroadcast(a3, 7u); s0_3_0 = fma(a, b0_0_7, s0_3_0); s0_3_1 = fma(a, b0_1_7, s0_3_1); s0_3_2 = fma(a, b0_2_7, s0_3_2); s0_3_3 = fma(a, b0_3_7, s0_3_3); }
    let a4 = load_a(batch, m4, own_k);
    let a5 = load_a(batch, m5, own_k);
    let a6 = load_a(batch, m6, own_k);
    let a7 = load_a(batch, m7, own_k);
    { let a = subgroupBroadcast(a4, 0u); s0_4_0 = fma(a, b0_0_0, s0_4_0); s0_4_1 = fma(a, b0_1_0, s0_4_1); s0_4_2 = fma(a, b0_2_0, s0_4_2); s0_4_3 = fma(a, b0_3_0, s0_4_3); }
    { let a = subgroupBroadcast(a5, 0u); s0_5_0 = fma(a, b0_0_0, s0_5_0); s0_5_1 = fma(a, b0_1_0, s0_5_1); s0_5_2 = fma(a, b0_2_0, s0_5_2); s0_5_3 = fma(a, b0_3_0, s0_5_3); }
    { let a = subgroupBroadcast(a6, 0u); s0_6_0 = fma(a, b0_0_0, s0_6_0); s0_6_1 = fma(a, b0_1_0, s0_6_1); s0_6_2 = fma(a, b0_2_0, s0_6_2); s0_6_3 = fma(a, b0_3_0, s0_6_3); }
    { let a = subgroupBroadcast(a7, 0u); s0_7_0 = fma(a, b0_0_0, s0_7_0); s0_7_1 = fma(a, b0_1_0, s0_7_1); s0_7_2 = fma(a, b0_2_0, s0_7_2); s0_7_3 = fma(a, b0_3_0, s0_7_3); }
    { let a = subgroupBroadcast(a4, 1u); s0_4_0 = fma(a, b0_0_1, s0_4_0); s0_4_1 = fma(a, b0_1_1, s0_4_1); s0_4_2 = fma(a, b0_2_1, s0_4_2); s0_4_3 = fma(a, b0_3_1, s0_4_3); }
    { let a = subgroupBroadcast(a5, 1u); s0_5_0 = fma(a, b0_0_1, s0_5_0); s0_5_1 = fma(a, b0_1_1, s0_5_1); s0_5_2 = fma(a, b0_2_1, s0_5_2); s0_5_3 = fma(a, b0_3_1, s0_5_3); }
    { let a = subgroupBroadcast(a6, 1u); s0_6_0 = fma(a, b0_0_1, s0_6_0); s0_6_1 = fma(a, b0_1_1, s0_6_1); s0_6_2 = fma(a, b0_2_1, s0_6_2); s0_6_3 = fma(a, b0_3_1, s0_6_3); }
    { let a = subgroupBroadcast(a7, 1u); s0_7_0 = fma(a, b0_0_1, s0_7_0); s0_7_1 = fma(a, b0_1_1, s0_7_1); s0_7_2 = fma(a, b0_2_1, s0_7_2); s0_7_3 = fma(a, b0_3_1, s0_7_3); }
    { let a = subgroupBroadcast(a4, 2u); s0_4_0 = fma(a, b0_0_2, s0_4_0); s0_4_1 = fma(a, b0_1_2, s0_4_1); s0_4_2 = fma(a, b0_2_2, s0_4_2); s0_4_3 = fma(a, b0_3_2, s0_4_3); }
    { let a = subgroupBroadcast(a5, 2u); s0_5_0 = fma(a, b0_0_2, s0_5_0); s0_5_1 = fma(a, b0_1_2, s0_5_1); s0_5_2 = fma(a, b0_2_2, s0_5_2); s0_5_3 = fma(a, b0_3_2, s0_5_3); }
    { let a = subgroupBroadcast(a6, 2u); s0_6_0 = fma(a, b0_0_2, s0_6_0); s0_6_1 = fma(a, b0_1_2, s0_6_1); s0_6_2 = fma(a, b0_2_2, s0_6_2); s0_6_3 = fma(a, b0_3_2, s0_6_3); }
    { let a = subgroupBroadcast(a7, 2u); s0_7_0 = fma(a, b0_0_2, s0_7_0); s0_7_1 = fma(a, b0_1_2, s0_7_1); s0_7_2 = fma(a, b0_2_2, s0_7_2); s0_7_3 = fma(a, b0_3_2, s0_7_3); }
    { let a = subgroupBroadcast(a4, 3u); s0_4_0 = fma(a, b0_0_3, s0_4_0); s0_4_1 = fma(a, b0_1_3, s0_4_1); s0_4_2 = fma(a, b0_2_3, s0_4_2); s0_4_3 = fma(a, b0_3_3, s0_4_3); }
    { let a = subgroupBroadcast(a5, 3u); s0_5_0 = fma(a, b0_0_3, s0_5_0); s0_5_1 = fma(a, b0_1_3, s0_5_1); s0_5_2 = fma(a, b0_2_3, s0_5_2); s0_5_3 = fma(a, b0_3_3, s0_5_3); }
    { let a = subgroupBroadcast(a6, 3u); s0_6_0 = fma(a, b0_0_3, s0_6_0); s0_6_1 = fma(a, b0_1_3, s0_6_1); s0_6_2 = fma(a, b0_2_3, s0_6_2); s0_6_3 = fma(a, b0_3_3, s0_6_3); }
    { let a = subgroupBroadcast(a7, 3u); s0_7_0 = fma(a, b0_0_3, s0_7_0); s0_7_1 = fma(a, b0_1_3, s0_7_1); s0_7_2 = fma(a, b0_2_3, s0_7_2); s0_7_3 = fma(a, b0_3_3, s0_7_3); }
    { let a = subgroupBroadcast(a4, 4u); s0_4_0 = fma(a, b0_0_4, s0_4_0); s0_4_1 = fma(a, b0_1_4, s0_4_1); s0_4_2 = fma(a, b0_2_4, s0_4_2); s0_4_3 = fma(a, b0_3_4, s0_4_3); }
    { let a = subgroupBroadcast(a5, 4u); s0_5_0 = fma(a, b0_0_4, s0_5_0); s0_5_1 = fma(a, b0_1_4, s0_5_1); s0_5_2 = fma(a, b0_2_4, s0_5_2); s0_5_3 = fma(a, b0_3_4, s0_5_3); }
    { let a = subgroupBroadcast(a6, 4u); s0_6_0 = fma(a, b0_0_4, s0_6_0); s0_6_1 = fma(a, b0_1_4, s0_6_1); s0_6_2 = fma(a, b0_2_4, s0_6_2); s0_6_3 = fma(a, b0_3_4, s0_6_3); }
    { let a = subgroupBroadcast(a7, 4u); s0_7_0 = fma(a, b0_0_4, s0_7_0); s0_7_1 = fma(a, b0_1_4, s0_7_1); s0_7_2 = fma(a, b0_2_4, s0_7_2); s0_7_3 = fma(a, b0_3_4, s0_7_3); }
    { let a = subgroupBroadcast(a4, 5u); s0_4_0 = fma(a, b0_0_5, s0_4_0); s0_4_1 = fma(a, b0_1_5, s0_4_1); s0_4_2 = fma(a, b0_2_5, s0_4_2); s0_4_3 = fma(a, b0_3_5, s0_4_3); }
    { let a = subgroupBroadcast(a5, 5u); s0_5_0 = fma(a, b0_0_5, s0_5_0); s0_5_1 = fma(a, b0_1_5, s0_5_1); s0_5_2 = fma(a, b0_2_5, s0_5_2); s0_5_3 = fma(a, b0_3_5, s0_5_3); }
    { let a = subgroupBroadcast(a6, 5u); s0_6_0 = fma(a, b0_0_5, s0_6_0); s0_6_1 = fma(a, b0_1_5, s0_6_1); s0_6_2 = fma(a, b0_2_5, s0_6_2); s0_6_3 = fma(a, b0_3_5, s0_6_3); }
    { let a = subgroupBroadcast(a7, 5u); s0_7_0 = fma(a, b0_0_5, s0_7_0); s0_7_1 = fma(a, b0_1_5, s0_7_1); s0_7_2 = fma(a, b0_2_5, s0_7_2); s0_7_3 = fma(a, b0_3_5, s0_7_3); }
    { let a = subgroupBroadcast(a4, 6u); s0_4_0 = fma(a, b0_0_6, s0_4_0); s0_4_1 = fma(a, b0_1_6, s0_4_1); s0_4_2 = fma(a, b0_2_6, s0_4_2); s0_4_3 = fma(a, b0_3_6, s0_4_3); }
    { let a = subgroupBroadcast(a5, 6u); s0_5_0 = fma(a, b0_0_6, s0_5_0); s0_5_1 = fma(a, b0_1_6, s0_5_1); s0_5_2 = fma(a, b0_2_6, s0_5_2); s0_5_3 = fma(a, b0_3_6, s0_5_3); }
    { let a = subgroupBroadcast(a6, 6u); s0_6_0 = fma(a, b0_0_6, s0_6_0); s0_6_1 = fma(a, b0_1_6, s0_6_1); s0_6_2 = fma(a, b0_2_6, s0_6_2); s0_6_3 = fma(a, b0_3_6, s0_6_3); }
    { let a = subgroupBroadcast(a7, 6u); s0_7_0 = fma(a, b0_0_6, s0_7_0); s0_7_1 = fma(a, b0_1_6, s0_7_1); s0_7_2 = fma(a, b0_2_6, s0_7_2); s0_7_3 = fma(a, b0_3_6, s0_7_3); }
    { let a = subgroupBroadcast(a4, 7u); s0_4_0 = fma(a, b0_0_7, s0_4_0); s0_4_1 = fma(a, b0_1_7, s0_4_1); s0_4_2 = fma(a, b0_2_7, s0_4_2); s0_4_3 = fma(a, b0_3_7, s0_4_3); }
    { let a = subgroupBroadcast(a5, 7u); s0_5_0 = fma(a, b0_0_7, s0_5_0); s0_5_1 = fma(a, b0_1_7, s0_5_1); s0_5_2 = fma(a, b0_2_7, s0_5_2); s0_5_3 = fma(a, b0_3_7, s0_5_3); }
    { let a = subgroupBroadcast(a6, 7u); s0_6_0 = fma(a, b0_0_7, s0_6_0); s0_6_1 = fma(a, b0_1_7, s0_6_1); s0_6_2 = fma(a, b0_2_7, s0_6_2); s0_6_3 = fma(a, b0_3_7, s0_6_3); }
    { let a = subgroupBroadcast(a7, 7u); s0_7_0 = fma(a, b0_0_7, s0_7_0); s0_7_1 = fma(a, b0_1_7, s0_7_1); s0_7_2 = fma(a, b0_2_7, s0_7_2); s0_7_3 = fma(a, b0_3_7, s0_7_3); }
    let a8 = load_a(batch, m8, own_k);
    let a9 = load_a(batch, m9, own_k);
    let a10 = load_a(batch, m10, own_k);
    let a11 = load_a(batch, m11, own_k);
    { let a = subgroupBroadcast(a8, 0u); s0_8_0 = fma(a, b0_0_0, s0_8_0); s0_8_1 = fma(a, b0_1_0, s0_8_1); s0_8_2 = fma(a, b0_2_0, s0_8_2); s0_8_3 = fma(a, b0_3_0, s0_8_3); }
    { let a = subgroupBroadcast(a9, 0u); s0_9_0 = fma(a, b0_0_0, s0_9_0); s0_9_1 = fma(a, b0_1_0, s0_9_1); s0_9_2 = fma(a, b0_2_0, s0_9_2); s0_9_3 = fma(a, b0_3_0, s0_9_3); }
    { let a = subgroupBroadcast(a10, 0u); s0_10_0 = fma(a, b0_0_0, s0_10_0); s0_10_1 = fma(a, b0_1_0, s0_10_1); s0_10_2 = fma(a, b0_2_0, s0_10_2); s0_10_3 = fma(a, b0_3_0, s0_10_3); }
    { let a = subgroupBroadcast(a11, 0u); s0_11_0 = fma(a, b0_0_0, s0_11_0); s0_11_1 = fma(a, b0_1_0, s0_11_1); s0_11_2 = fma(a, b0_2_0, s0_11_2); s0_11_3 = fma(a, b0_3_0, s0_11_3); }
    { let a = subgroupBroadcast(a8, 1u); s0_8_0 = fma(a, b0_0_1, s0_8_0); s0_8_1 = fma(a, b0_1_1, s0_8_1); s0_8_2 = fma(a, b0_2_1, s0_8_2); s0_8_3 = fma(a, b0_3_1, s0_8_3); }
    { let a = subgroupBroadcast(a9, 1u); s0_9_0 = fma(a, b0_0_1, s0_9_0); s0_9_1 = fma(a, b0_1_1, s0_9_1); s0_9_2 = fma(a, b0_2_1, s0_9_2); s0_9_3 = fma(a, b0_3_1, s0_9_3); }
    { let a = subgroupBroadcast(a10, 1u); s0_10_0 = fma(a, b0_0_1, s0_10_0); s0_10_1 = fma(a, b0_1_1, s0_10_1); s0_10_2 = fma(a, b0_2_1, s0_10_2); s0_10_3 = fma(a, b0_3_1, s0_10_3); }
    { let a = subgroupBroadcast(a11, 1u); s0_11_0 = fma(a, b0_0_1, s0_11_0); s0_11_1 = fma(a, b0_1_1, s0_11_1); s0_11_2 = fma(a, b0_2_1, s0_11_2); s0_11_3 = fma(a, b0_3_1, s0_11_3); }
    { let a = subgroupBroadcast(a8, 2u); s0_8_0 = fma(a, b0_0_2, s0_8_0); s0_8_1 = fma(a, b0_1_2, s0_8_1); s0_8_2 = fma(a, b0_2_2, s0_8_2); s0_8_3 = fma(a, b0_3_2, s0_8_3); }
    { let a = subgroupBroadcast(a9, 2u); s0_9_0 = fma(a, b0_0_2, s0_9_0); s0_9_1 = fma(a, b0_1_2, s0_9_1); s0_9_2 = fma(a, b0_2_2, s0_9_2); s0_9_3 = fma(a, b0_3_2, s0_9_3); }
    { let a = subgroupBroadcast(a10, 2u); s0_10_0 = fma(a, b0_0_2, s0_10_0); s0_10_1 = fma(a, b0_1_2, s0_10_1); s0_10_2 = fma(a, b0_2_2, s0_10_2); s0_10_3 = fma(a, b0_3_2, s0_10_3); }
    { let a = subgroupBroadcast(a11, 2u); s0_11_0 = fma(a, b0_0_2, s0_11_0); s0_11_1 = fma(a, b0_1_2, s0_11_1); s0_11_2 = fma(a, b0_2_2, s0_11_2); s0_11_3 = fma(a, b0_3_2, s0_11_3); }
    { let a = subgroupBroadcast(a8, 3u); s0_8_0 = fma(a, b0_0_3, s0_8_0); s0_8_1 = fma(a, b0_1_3, s0_8_1); s0_8_2 = fma(a, b0_2_3, s0_8_2); s0_8_3 = fma(a, b0_3_3, s0_8_3); }
    { let a = subgroupBroadcast(a9, 3u); s0_9_0 = fma(a, b0_0_3, s0_9_0); s0_9_1 = fma(a, b0_1_3, s0_9_1); s0_9_2 = fma(a, b0_2_3, s0_9_2); s0_9_3 = fma(a, b0_3_3, s0_9_3); }
    { let a = subgroupBroadcast(a10, 3u); s0_10_0 = fma(a, b0_0_3, s0_10_0); s0_10_1 = fma(a, b0_1_3, s0_10_1); s0_10_2 = fma(a, b0_2_3, s0_10_2); s0_10_3 = fma(a, b0_3_3, s0_10_3); }
    { let a = subgroupBroadcast(a11, 3u); s0_11_0 = fma(a, b0_0_3, s0_11_0); s0_11_1 = fma(a, b0_1_3, s0_11_1); s0_11_2 = fma(a, b0_2_3, s0_11_2); s0_11_3 = fma(a, b0_3_3, s0_11_3); }
    { let a = subgroupBroadcast(a8, 4u); s0_8_0 = fma(a, b0_0_4, s0_8_0); s0_8_1 = fma(a, b0_1_4, s0_8_1); s0_8_2 = fma(a, b0_2_4, s0_8_2); s0_8_3 = fma(a, b0_3_4, s0_8_3); }
    { let a = subgroupBroadcast(a9, 4u); s0_9_0 = fma(a, b0_0_4, s0_9_0); s0_9_1 = fma(a, b0_1_4, s0_9_1); s0_9_2 = fma(a, b0_2_4, s0_9_2); s0_9_3 = fma(a, b0_3_4, s0_9_3); }
    { let a = subgroupBroadcast(a10, 4u); s0_10_0 = fma(a, b0_0_4, s0_10_0); s0_10_1 = fma(a, b0_1_4, s0_10_1); s0_10_2 = fma(a, b0_2_4, s0_10_2); s0_10_3 = fma(a, b0_3_4, s0_10_3); }
    { let a = subgroupBroadcast(a11, 4u); s0_11_0 = fma(a, b0_0_4, s0_11_0); s0_11_1 = fma(a, b0_1_4, s0_11_1); s0_11_2 = fma(a, b0_2_4, s0_11_2); s0_11_3 = fma(a, b0_3_4, s0_11_3); }
    { let a = subgroupBroadcast(a8, 5u); s0_8_0 = fma(a, b0_0_5, s0_8_0); s0_8_1 = fma(a, b0_1_5, s0_8_1); s0_8_2 = fma(a, b0_2_5, s0_8_2); s0_8_3 = fma(a, b0_3_5, s0_8_3); }
    { let a = subgroupBroadcast(a9, 5u); s0_9_0 = fma(a, b0_0_5, s0_9_0); s0_9_1 = fma(a, b0_1_5, s0_9_1); s0_9_2 = fma(a, b0_2_5, s0_9_2); s0_9_3 = fma(a, b0_3_5, s0_9_3); }
    { let a = subgroupBroadcast(a10, 5u); s0_10_0 = fma(a, b0_0_5, s0_10_0); s0_10_1 = fma(a, b0_1_5, s0_10_1); s0_10_2 = fma(a, b0_2_5, s0_10_2); s0_10_3 = fma(a, b0_3_5, s0_10_3); }
    { let a = subgroupBroadcast(a11, 5u); s0_11_0 = fma(a, b0_0_5, s0_11_0); s0_11_1 = fma(a, b0_1_5, s0_11_1); s0_11_2 = fma(a, b0_2_5, s0_11_2); s0_11_3 = fma(a, b0_3_5, s0_11_3); }
    { let a = subgroupBroadcast(a8, 6u); s0_8_0 = fma(a, b0_0_6, s0_8_0); s0_8_1 = fma(a, b0_1_6, s0_8_1); s0_8_2 = fma(a, b0_2_6, s0_8_2); s0_8_3 = fma(a, b0_3_6, s0_8_3); }
    { let a = subgroupBroadcast(a9, 6u); s0_9_0 = fma(a, b0_0_6, s0_9_0); s0_9_1 = fma(a, b0_1_6, s0_9_1); s0_9_2 = fma(a, b0_2_6, s0_9_2); s0_9_3 = fma(a, b0_3_6, s0_9_3); }
    { let a = subgroupBroadcast(a10, 6u); s0_10_0 = fma(a, b0_0_6, s0_10_0); s0_10_1 = fma(a, b0_1_6, s0_10_1); s0_10_2 = fma(a, b0_2_6, s0_10_2); s0_10_3 = fma(a, b0_3_6, s0_10_3); }
    { let a = subgroupBroadcast(a11, 6u); s0_11_0 = fma(a, b0_0_6, s0_11_0); s0_11_1 = fma(a, b0_1_6, s0_11_1); s0_11_2 = fma(a, b0_2_6, s0_11_2); s0_11_3 = fma(a, b0_3_6, s0_11_3); }
    { let a = subgroupBroadcast(a8, 7u); s0_8_0 = fma(a, b0_0_7, s0_8_0); s0_8_1 = fma(a, b0_1_7, s0_8_1); s0_8_2 = fma(a, b0_2_7, s0_8_2); s0_8_3 = fma(a, b0_3_7, s0_8_3); }
    { let a = subgroupBroadcast(a9, 7u); s0_9_0 = fma(a, b0_0_7, s0_9_0); s0_9_1 = fma(a, b0_1_7, s0_9_1); s0_9_2 = fma(a, b0_2_7, s0_9_2); s0_9_3 = fma(a, b0_3_7, s0_9_3); }
    { let a = subgroupBroadcast(a10, 7u); s0_10_0 = fma(a, b0_0_7, s0_10_0); s0_10_1 = fma(a, b0_1_7, s0_10_1); s0_10_2 = fma(a, b0_2_7, s0_10_2); s0_10_3 = fma(a, b0_3_7, s0_10_3); }
    { let a = subgroupBroadcast(a11, 7u); s0_11_0 = fma(a, b0_0_7, s0_11_0); s0_11_1 = fma(a, b0_1_7, s0_11_1); s0_11_2 = fma(a, b0_2_7, s0_11_2); s0_11_3 = fma(a, b0_3_7, s0_11_3); }
    let a12 = load_a(batch, m12, own_k);
    let a13 = load_a(batch, m13, own_k);
    let a14 = load_a(batch, m14, own_k);
    let a15 = load_a(batch, m15, own_k);
    { let a = subgroupBroadcast(a12, 0u); s0_12_0 = fma(a, b0_0_0, s0_12_0); s0_12_1 = fma(a, b0_1_0, s0_12_1); s0_12_2 = fma(a, b0_2_0, s0_12_2); s0_12_3 = fma(a, b0_3_0, s0_12_3); }
    { let a = subgroupBroadcast(a13, 0u); s0_13_0 = fma(a, b0_0_0, s0_13_0); s0_13_1 = fma(a, b0_1_0, s0_13_1); s0_13_2 = fma(a, b0_2_0, s0_13_2); s0_13_3 = fma(a, b0_3_0, s0_13_3); }
    { let a = subgroupBroadcast(a14, 0u); s0_14_0 = fma(a, b0_0_0, s0_14_0); s0_14_1 = fma(a, b0_1_0, s0_14_1); s0_14_2 = fma(a, b0_2_0, s0_14_2); s0_14_3 = fma(a, b0_3_0, s0_14_3); }
    { let a = subgroupBroadcast(a15, 0u); s0_15_0 = fma(a, b0_0_0, s0_15_0); s0_15_1 = fma(a, b0_1_0, s0_15_1); s0_15_2 = fma(a, b0_2_0, s0_15_2); s0_15_3 = fma(a, b0_3_0, s0_15_3); }
    { let a = subgroupBroadcast(a12, 1u); s0_12_0 = fma(a, b0_0_1, s0_12_0); s0_12_1 = fma(a, b0_1_1, s0_12_1); s0_12_2 = fma(a, b0_2_1, s0_12_2); s0_12_3 = fma(a, b0_3_1, s0_12_3); }
    { let a = subgroupBroadcast(a13, 1u); s0_13_0 = fma(a, b0_0_1, s0_13_0); s0_13_1 = fma(a, b0_1_1, s0_13_1); s0_13_2 = fma(a, b0_2_1, s0_13_2); s0_13_3 = fma(a, b0_3_1, s0_13_3); }
    { let a = subgroupBroadcast(a14, 1u); s0_14_0 = fma(a, b0_0_1, s0_14_0); s0_14_1 = fma(a, b0_1_1, s0_14_1); s0_14_2 = fma(a, b0_2_1, s0_14_2); s0_14_3 = fma(a, b0_3_1, s0_14_3); }
    { let a = subgroupBroadcast(a15, 1u); s0_15_0 = fma(a, b0_0_1, s0_15_0); s0_15_1 = fma(a, b0_1_1, s0_15_1); s0_15_2 = fma(a, b0_2_1, s0_15_2); s0_15_3 = fma(a, b0_3_1, s0_15_3); }
    { let a = subgroupBroadcast(a12, 2u); s0_12_0 = fma(a, b0_0_2, s0_12_0); s0_12_1 = fma(a, b0_1_2, s0_12_1); s0_12_2 = fma(a, b0_2_2, s0_12_2); s0_12_3 = fma(a, b0_3_2, s0_12_3); }
    { let a = subgroupBroadcast(a13, 2u); s0_13_0 = fma(a, b0_0_2, s0_13_0); s0_13_1 = fma(a, b0_1_2, s0_13_1); s0_13_2 = fma(a, b0_2_2, s0_13_2); s0_13_3 = fma(a, b0_3_2, s0_13_3); }
    { let a = subgroupBroadcast(a14, 2u); s0_14_0 = fma(a, b0_0_2, s0_14_0); s0_14_1 = fma(a, b0_1_2, s0_14_1); s0_14_2 = fma(a, b0_2_2, s0_14_2); s0_14_3 = fma(a, b0_3_2, s0_14_3); }
    { let a = subgroupBroadcast(a15, 2u); s0_15_0 = fma(a, b0_0_2, s0_15_0); s0_15_1 = fma(a, b0_1_2, s0_15_1); s0_15_2 = fma(a, b0_2_2, s0_15_2); s0_15_3 = fma(a, b0_3_2, s0_15_3); }
    { let a = subgroupBroadcast(a12, 3u); s0_12_0 = fma(a, b0_0_3, s0_12_0); s0_12_1 = fma(a, b0_1_3, s0_12_1); s0_12_2 = fma(a, b0_2_3, s0_12_2); s0_12_3 = fma(a, b0_3_3, s0_12_3); }
    { let a = subgroupBroadcast(a13, 3u); s0_13_0 = fma(a, b0_0_3, s0_13_0); s0_13_1 = fma(a, b0_1_3, s0_13_1); s0_13_2 = fma(a, b0_2_3, s0_13_2); s0_13_3 = fma(a, b0_3_3, s0_13_3); }
    { let a = subgroupBroadcast(a14, 3u); s0_14_0 = fma(a, b0_0_3, s0_14_0); s0_14_1 = fma(a, b0_1_3, s0_14_1); s0_14_2 = fma(a, b0_2_3, s0_14_2); s0_14_3 = fma(a, b0_3_3, s0_14_3); }
    { let a = subgroupBroadcast(a15, 3u); s0_15_0 = fma(a, b0_0_3, s0_15_0); s0_15_1 = fma(a, b0_1_3, s0_15_1); s0_15_2 = fma(a, b0_2_3, s0_15_2); s0_15_3 = fma(a, b0_3_3, s0_15_3); }
    { let a = subgroupBroadcast(a12, 4u); s0_12_0 = fma(a, b0_0_4, s0_12_0); s0_12_1 = fma(a, b0_1_4, s0_12_1); s0_12_2 = fma(a, b0_2_4, s0_12_2); s0_12_3 = fma(a, b0_3_4, s0_12_3); }
    { let a = subgroupBroadcast(a13, 4u); s0_13_0 = fma(a, b0_0_4, s0_13_0); s0_13_1 = fma(a, b0_1_4, s0_13_1); s0_13_2 = fma(a, b0_2_4, s0_13_2); s0_13_3 = fma(a, b0_3_4, s0_13_3); }
    { let a = subgroupBroadcast(a14, 4u); s0_14_0 = fma(a, b0_0_4, s0_14_0); s0_14_1 = fma(a, b0_1_4, s0_14_1); s0_14_2 = fma(a, b0_2_4, s0_14_2); s0_14_3 = fma(a, b0_3_4, s0_14_3); }
    { let a = subgroupBroadcast(a15, 4u); s0_15_0 = fma(a, b0_0_4, s0_15_0); s0_15_1 = fma(a, b0_1_4, s0_15_1); s0_15_2 = fma(a, b0_2_4, s0_15_2); s0_15_3 = fma(a, b0_3_4, s0_15_3); }
    { let a = subgroupBroadcast(a12, 5u); s0_12_0 = fma(a, b0_0_5, s0_12_0); s0_12_1 = fma(a, b0_1_5, s0_12_1); s0_12_2 = fma(a, b0_2_5, s0_12_2); s0_12_3 = fma(a, b0_3_5, s0_12_3); }
    { let a = subgroupBroadcast(a13, 5u); s0_13_0 = fma(a, b0_0_5, s0_13_0); s0_13_1 = fma(a, b0_1_5, s0_13_1); s0_13_2 = fma(a, b0_2_5, s0_13_2); s0_13_3 = fma(a, b0_3_5, s0_13_3); }
    { let a = subgroupBroadcast(a14, 5u); s0_14_0 = fma(a, b0_0_5, s0_14_0); s0_14_1 = fma(a, b0_1_5, s0_14_1); s0_14_2 = fma(a, b0_2_5, s0_14_2); s0_14_3 = fma(a, b0_3_5, s0_14_3); }
    { let a = subgroupBroadcast(a15, 5u); s0_15_0 = fma(a, b0_0_5, s0_15_0); s0_15_1 = fma(a, b0_1_5, s0_15_1); s0_15_2 = fma(a, b0_2_5, s0_15_2); s0_15_3 = fma(a, b0_3_5, s0_15_3); }
    { let a = subgroupBroadcast(a12, 6u); s0_12_0 = fma(a, b0_0_6, s0_12_0); s0_12_1 = fma(a, b0_1_6, s0_12_1); s0_12_2 = fma(a, b0_2_6, s0_12_2); s0_12_3 = fma(a, b0_3_6, s0_12_3); }
    { let a = subgroupBroadcast(a13, 6u); s0_13_0 = fma(a, b0_0_6, s0_13_0); s0_13_1 = fma(a, b0_1_6, s0_13_1); s0_13_2 = fma(a, b0_2_6, s0_13_2); s0_13_3 = fma(a, b0_3_6, s0_13_3); }
    { let a = subgroupBroadcast(a14, 6u); s0_14_0 = fma(a, b0_0_6, s0_14_0); s0_14_1 = fma(a, b0_1_6, s0_14_1); s0_14_2 = fma(a, b0_2_6, s0_14_2); s0_14_3 = fma(a, b0_3_6, s0_14_3); }
    { let a = subgroupBroadcast(a15, 6u); s0_15_0 = fma(a, b0_0_6, s0_15_0); s0_15_1 = fma(a, b0_1_6, s0_15_1); s0_15_2 = fma(a, b0_2_6, s0_15_2); s0_15_3 = fma(a, b0_3_6, s0_15_3); }
    { let a = subgroupBroadcast(a12, 7u); s0_12_0 = fma(a, b0_0_7, s0_12_0); s0_12_1 = fma(a, b0_1_7, s0_12_1); s0_12_2 = fma(a, b0_2_7, s0_12_2); s0_12_3 = fma(a, b0_3_7, s0_12_3); }
    { let a = subgroupBroadcast(a13, 7u); s0_13_0 = fma(a, b0_0_7, s0_13_0); s0_13_1 = fma(a, b0_1_7, s0_13_1); s0_13_2 = fma(a, b0_2_7, s0_13_2); s0_13_3 = fma(a, b0_3_7, s0_13_3); }
    { let a = subgroupBroadcast(a14, 7u); s0_14_0 = fma(a, b0_0_7, s0_14_0); s0_14_1 = fma(a, b0_1_7, s0_14_1); s0_14_2 = fma(a, b0_2_7, s0_14_2); s0_14_3 = fma(a, b0_3_7, s0_14_3); }
    { let a = subgroupBroadcast(a15, 7u); s0_15_0 = fma(a, b0_0_7, s0_15_0); s0_15_1 = fma(a, b0_1_7, s0_15_1); s0_15_2 = fma(a, b0_2_7, s0_15_2); s0_15_3 = fma(a, b0_3_7, s0_15_3); }
  }
  for (var row = 0u; row < 16u; row++) {
    let m = first_m + row;
    if (first_n < 50u) { store(batch, m, first_n, s0_0_0); }
    if (first_n + 8u < 50u) { store(batch, m, first_n + 8u, s0_0_1); }
    if (first_n + 16u < 50u) { store(batch, m, first_n + 16u, s0_0_2); }
    if (first_n + 24u < 50u) { store(batch, m, first_n + 24u, s0_0_3); }
    s0_0_0 = s0_1_0; s0_0_1 = s0_1_1; s0_0_2 = s0_1_2; s0_0_3 = s0_1_3;
    s0_1_0 = s0_2_0; s0_1_1 = s0_2_1; s0_1_2 = s0_2_2; s0_1_3 = s0_2_3;
    s0_2_0 = s0_3_0; s0_2_1 = s0_3_1; s0_2_2 = s0_3_2; s0_2_3 = s0_3_3;
    s0_3_0 = s0_4_0; s0_3_1 = s0_4_1; s0_3_2 = s0_4_2; s0_3_3 = s0_4_3;
    s0_4_0 = s0_5_0; s0_4_1 = s0_5_1; s0_4_2 = s0_5_2; s0_4_3 = s0_5_3;
    s0_5_0 = s0_6_0; s0_5_1 = s0_6_1; s0_5_2 = s0_6_2; s0_5_3 = s0_6_3;
    s0_6_0 = s0_7_0; s0_6_1 = s0_7_1; s0_6_2 = s0_7_2; s0_6_3 = s0_7_3;
    s0_7_0 = s0_8_0; s0_7_1 = s0_8_1; s0_7_2 = s0_8_2; s0_7_3 = s0_8_3;
    s0_8_0 = s0_9_0; s0_8_1 = s0_9_1; s0_8_2 = s0_9_2; s0_8_3 = s0_9_3;
    s0_9_0 = s0_10_0; s0_9_1 = s0_10_1; s0_9_2 = s0_10_2; s0_9_3 = s0_10_3;
    s0_10_0 = s0_11_0; s0_10_1 = s0_11_1; s0_10_2 = s0_11_2; s0_10_3 = s0_11_3;
    s0_11_0 = s0_12_0; s0_11_1 = s0_12_1; s0_11_2 = s0_12_2; s0_11_3 = s0_12_3;
    s0_12_0 = s0_13_0; s0_12_1 = s0_13_1; s0_12_2 = s0_13_2; s0_12_3 = s0_13_3;
    s0_13_0 = s0_14_0; s0_13_1 = s0_14_1; s0_13_2 = s0_14_2; s0_13_3 = s0_14_3;
    s0_14_0 = s0_15_0; s0_14_1 = s0_15_1; s0_14_2 = s0_15_2; s0_14_3 = s0_15_3;
  }
}
