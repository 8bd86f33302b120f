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

// y · 2^n for y in [0.25, 4], n in [-300, 300].
fn math_scale(y: f32, n: i32) -> f32 {
  let exponent = i32(bitcast<u32>(y) >> 23u) + n;
  let scaled = bitcast<f32>(bitcast<u32>(y) + (bitcast<u32>(n) << 23u));
  return select(select(scaled, 0.0, exponent <= 0), math_infinity(), exponent >= 255);
}

// exp(n·ln 2 + r) = 2^n · exp(r), |r| <= ln 2 / 2; ln 2 in two parts, n times the first is exact.
fn math_exp(x: f32) -> f32 {
  let v = clamp(x, -104.0, 89.0);
  let n = floor(v * 1.44269504 + 0.5);
  let r = (v - n * 0.693359375) - n * -2.12194440e-4;
  var p = 1.9875691500e-4;
  p = p * r + 1.3981999507e-3;
  p = p * r + 8.3334519073e-3;
  p = p * r + 4.1665795894e-2;
  p = p * r + 1.6666665459e-1;
  p = p * r + 5.0000001201e-1;
  let y = max(p * (r * r) + r, -2.0) + 1.0;
  return select(math_scale(y, i32(n)), x, math_is_nan(x));
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
