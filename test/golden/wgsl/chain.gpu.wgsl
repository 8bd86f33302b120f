// chain.lcomp:1:1
@group(0) @binding(0) var<storage, read> x0: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y0: array<vec4f>;
fn math_is_nan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

// Constants of these bits, which WGSL refuses as constants.
fn math_infinity() -> f32 {
  var bits = 0x7f800000u;
  return bitcast<f32>(bits);
}

// exp(r) - 1 for |r| <= ln 2 / 2.
fn math_expm1(r: f32) -> f32 {
  var p = 1.3814598735e-3;
  p = p * r + 8.3687170179e-3;
  p = p * r + 4.1668388054e-2;
  p = p * r + 1.6666520631e-1;
  p = p * r + 4.9999993448e-1;
  return p * (r * r) + r;
}

// x · log₂ e to the nearest whole number n, as 1.5 · 2^23 + n: the low bits are those of n.
fn math_octaves(x: f32) -> f32 {
  return max(x * 1.44269504 + 12582912.0, 1.0);
}

// x - n·ln 2; ln 2 in two parts, n times the first is exact.
fn math_within_octave(x: f32, n: f32) -> f32 {
  return (x - n * 0.693359375) - n * -2.12194440e-4;
}

// exp(n·ln 2 + r) = 2^n · exp(r).
fn math_exp(x: f32) -> f32 {
  let octaves = math_octaves(x);
  let y = max(math_expm1(math_within_octave(x, octaves - 12582912.0)), -2.0) + 1.0;
  let scaled = bitcast<f32>(bitcast<u32>(y) + (bitcast<u32>(octaves) << 23u));
  let finite = select(scaled, 0.0, x < -87.336544);
  return select(select(finite, math_infinity(), x > 88.722835), x, math_is_nan(x));
}
fn math_exp4(a: vec4f) -> vec4f { return vec4f(math_exp(a.x), math_exp(a.y), math_exp(a.z), math_exp(a.w)); }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let position = group.x;
  let element = position * 64u + lane;
  {
    y0[element] = max(sqrt((math_exp4(x0[element]) + vec4f(1.0))), vec4f(0.10000000149011612));
  }
}
