// chain.lcomp:1:1
@group(0) @binding(0) var<storage, read> x0: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y0: array<vec4f>;
// exp(n·ln 2 + r) = 2·exp(r) · 2^(n - 1): n is x · log₂ e to the nearest whole number, made as 1.5 · 2^23 + n, whose low bits
// are those of n; for r, ln 2 is in two parts, n times the first is exact. n ends at 128, where r grows, and the product with it.
fn math_exp(x: f32) -> f32 {
  let octaves = min(x * 1.44269504 + 12582912.0, 12583040.0);
  let n = octaves - 12582912.0;
  let r = (x - n * 0.693359375) - n * -2.12194440e-4;
  var p = 2.7629079598e-3;
  p = p * r + 1.6737490290e-2;
  p = p * r + 8.3336781632e-2;
  p = p * r + 0.33333040797;
  p = p * r + 0.99999986864;
  p = p * r + 2.0;
  p = p * r + 2.0;
  let power = bitcast<f32>((bitcast<u32>(octaves) << 23u) + 0x3f000000u);
  return select(p * power, 0.0, x < -86.643398);
}
fn math_exp4(a: vec4f) -> vec4f { return vec4f(math_exp(a.x), math_exp(a.y), math_exp(a.z), math_exp(a.w)); }

fn compute(element: u32) {
  y0[element] = max(sqrt((math_exp4(x0[element]) + vec4f(1.0))), vec4f(0.10000000149011612));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let position = group.x;
  let first = position * 64u + lane;
  compute(first);
}
