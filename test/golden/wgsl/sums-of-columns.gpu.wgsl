// sums of columns.lcomp:1:1
@group(0) @binding(0) var<storage, read> x0: array<f32>;
@group(0) @binding(1) var<storage, read_write> y0: array<f32>;
fn fence(x: f32) -> f32 { let length = arrayLength(&x0); return select(x, f32(length), length == 0u); }
var<private> negative_zero_bits: u32 = 0x80000000u;
fn negative_zero() -> f32 { return bitcast<f32>(negative_zero_bits); }
var<workgroup> shared_sum0: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) invocation: u32) {
  let position = group.x;
  let own_row = invocation % 16u;
  let lane = invocation / 16u;
  let row = min(position * 16u + own_row, 127u);
  let is_inside = position * 16u + own_row < 128u;
  var sum0 = fence(negative_zero());
  var sum1 = fence(negative_zero());
  var sum2 = fence(negative_zero());
  var sum3 = fence(negative_zero());
  for (var start = 0u; start < 512u; start += 64u) {
    {
      let token = start + lane;
      sum0 = sum0 + x0[token * 128u + row];
    }
    {
      let token_2 = start + 16u + lane;
      sum1 = sum1 + x0[token_2 * 128u + row];
    }
    {
      let token_3 = start + 32u + lane;
      sum2 = sum2 + x0[token_3 * 128u + row];
    }
    {
      let token_4 = start + 48u + lane;
      sum3 = sum3 + x0[token_4 * 128u + row];
    }
  }
  sum0 = sum0 + sum2;
  sum1 = sum1 + sum3;
  sum0 = sum0 + sum1;
  shared_sum0[invocation] = sum0;
  workgroupBarrier();
  if (lane < 8u) {
    let other = shared_sum0[invocation + 128u];
    sum0 = sum0 + other;
  }
  workgroupBarrier();
  shared_sum0[invocation] = sum0;
  workgroupBarrier();
  if (lane < 4u) {
    let other = shared_sum0[invocation + 64u];
    sum0 = sum0 + other;
  }
  workgroupBarrier();
  shared_sum0[invocation] = sum0;
  workgroupBarrier();
  if (lane < 2u) {
    let other = shared_sum0[invocation + 32u];
    sum0 = sum0 + other;
  }
  workgroupBarrier();
  shared_sum0[invocation] = sum0;
  workgroupBarrier();
  if (lane < 1u) {
    let other = shared_sum0[invocation + 16u];
    sum0 = sum0 + other;
  }
  if (lane == 0u) { shared_sum0[invocation] = sum0; }
  workgroupBarrier();
  let whole = shared_sum0[own_row];
  if (lane == 0u && is_inside) { y0[row] = whole; }
}
