/**
 * GPTQ as its authors' code has it, where the library has the better rule: grids of f32; a group's grid is of weights that do not hold
 * what the columns before it in the same 128 have left; with the columns in another order, groups are runs of that order; a symmetric
 * group without negative weights spans half of its codes. What is made are the weights, from which one reads the codes.
 */
export const referenceGptq = `import { diagonal, inverse_factor } from "std/second_order"

fn grid_of(b, how, share = 1, over d: Dim) {
  let low = min(0, min(b, over d))
  let high = max(0, max(b, over d))
  let most = max(-low, high)
  let bottom = share * ((-most where low < 0 else low) where how.symmetric else low)
  let top = share * (most where how.symmetric else high)
  let scale = (top - bottom) / (2^how.bits - 1)
  { scale, zero: 2^(how.bits - 1) + 0 * scale where how.symmetric else round(-bottom / scale) }
}

fn code_of(x, grid, bits: Int) = clamp(round(x / grid.scale) + grid.zero, 0, 2^bits - 1)

fn value_of(x, grid, bits: Int) = grid.scale * (code_of(x, grid, bits) - grid.zero)

fn least_of(b, how, over d: Dim) {
  let grids = grid_of(b, how, 1 - index(try: 80) / 100, over d)
  let each = b * (1 where index(try) >= 0)
  let first = argmin(sum(abs(value_of(each, grids, how.bits) - each)^2.4, over d), over try)
  { scale: grids.scale[try: first], zero: grids.zero[try: first] }
}

fn fitted(b, how, over d: Dim) = least_of(b, how, over d) where how.mse else grid_of(b, how, over d)

fn as_they_were(w: f32[out, in], given: f32[out, in], u: f32[in, in'], from: i32[in], how) {
  let grid = fitted(split(given, in -> (block, lane: how.every)), how, over lane)
  let at = i32(floor(from / how.every))
  let own = { scale: grid.scale[block: at], zero: grid.zero[block: at] }
  feedback w through u along in { each in as c { freeze value_of(c, own, how.bits) } }
}

fn by_runs(w: f32[out, in], u: f32[in, in'], how) = feedback w through u along in = (run, column: 128) {
  each run as r {
    let grid = fitted(split(r, column -> (block, lane: how.every)), how, over lane)
    let at = i32(floor(index(column) / how.every))
    let own = { scale: grid.scale[block: at], zero: grid.zero[block: at] }
  }
  each column as c { freeze value_of(c, own, how.bits) }
}

method gptq(bits: Int, every: Int, symmetric: Bool, mse: Bool, act_order: Bool, static_groups: Bool)
    on linear(w: f32[out, in], x: f32[sample, token, in]) from compressed {

  observe h = mean(x * rename(x, in -> in'), over (sample, token))
  let how = { bits, every, symmetric, mse }
  let from = order(-diagonal(h), over in) where act_order else index(in)
  let u = inverse_factor(h[in: from][in': rename(from, in -> in')])
  let ordered = w[in: from]
  let swept = as_they_were(ordered, w, u, from, how) where static_groups else by_runs(ordered, u, how)
  swept[in: order(from, over in)]
}
`;
