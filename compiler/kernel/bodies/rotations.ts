/** Steps of `lower-eigenvectors.ts`, below the constants and functions that it writes above them. */

/** Where columns and rows of pairs lie. */
export const pairing = /* wgsl */ `// The block that sits at a place in a round, where all but the first move on by one place each round.
fn block_at(place: u32, round: u32) -> u32 {
  return select(1u + (place + round - 1u) % ROUNDS, 0u, place == 0u);
}

// The column of the matrix that is column \`i\` of a pair: of two blocks, the first before the second.
fn column_of(pair: u32, i: u32, round: u32) -> u32 {
  let a = block_at(pair, round);
  let b = block_at(ROUNDS - pair, round);
  return select(max(a, b), min(a, b), i < HALF) * HALF + i % HALF;
}
`;

/** The greatest number of a matrix, without its sign, by one workgroup. */
export const measuring = /* wgsl */ `var<workgroup> greatest: array<f32, TEAM>;

fn measure(matrix: u32, lane: u32) {
  var own = 0.0;
  for (var i = lane; i < PADDED * PADDED; i += TEAM) { own = max(own, abs(work(matrix, i / PADDED, i % PADDED))); }
  greatest[lane] = own;
  workgroupBarrier();
  if (lane == 0u) {
    for (var i = 1u; i < TEAM; i++) { own = max(own, greatest[i]); }
    set_bound(matrix, own);
  }
}
`;

/** The rotation of a pair: of two blocks, all columns against all others, once. */
export const rotating = /* wgsl */ `var<workgroup> block: array<f32, SIDE * SIDE>;
var<workgroup> turned: array<f32, SIDE * SIDE>;
var<workgroup> sines: array<f32, HALF>;
var<workgroup> halves: array<f32, HALF>;
var<workgroup> tangents: array<f32, HALF>;
var<workgroup> busy: array<u32, TEAM>;
var<workgroup> is_busy: u32;

// Two columns that meet in a turn, the lesser first.
fn first_of(place: u32, turn: u32) -> u32 { return min(met(place, turn), met(SIDE - 1u - place, turn)); }
fn second_of(place: u32, turn: u32) -> u32 { return max(met(place, turn), met(SIDE - 1u - place, turn)); }
fn met(place: u32, turn: u32) -> u32 { return select(1u + (place + turn - 1u) % (SIDE - 1u), 0u, place == 0u); }

// Whether an element is more than what rounding leaves of it.
fn is_left(c: f32, a: f32, b: f32, least: f32) -> bool {
  return abs(c) > max(least, 0x1p-24 * (sqrt(abs(a)) * sqrt(abs(b))));
}

// Rutishauser, 1966: of the rotation by an angle its sine, and the tangent of half of it, so that small ones lose nothing.
fn choose(place: u32, turn: u32, least: f32) {
  let i = first_of(place, turn);
  let j = second_of(place, turn);
  let a = block[i * SIDE + i];
  let b = block[j * SIDE + j];
  let c = block[i * SIDE + j];
  let is_rotated = is_left(c, a, b, least);
  let cotangent = (b - a) / (2.0 * select(1.0, c, is_rotated));
  let steepness = 1.0 / (abs(cotangent) + sqrt(fma(cotangent, cotangent, 1.0)));
  let tangent = select(0.0, select(-steepness, steepness, cotangent >= 0.0), is_rotated);
  let cosine = 1.0 / sqrt(fma(tangent, tangent, 1.0));
  sines[place] = cosine * tangent;
  halves[place] = cosine * tangent / (1.0 + cosine);
  tangents[place] = tangent;
}

fn rotated(xy: vec2f, place: u32) -> vec2f {
  let s = sines[place];
  let h = halves[place];
  return vec2f(fma(-s, fma(h, xy.x, xy.y), xy.x), fma(s, fma(-h, xy.y, xy.x), xy.y));
}

// The two rows of a place and the two columns of another, and what mirrors them.
fn rotate_block(p: u32, q: u32, turn: u32) {
  let i = first_of(p, turn);
  let j = second_of(p, turn);
  let k = first_of(q, turn);
  let l = second_of(q, turn);
  if (p == q) {
    let shift = tangents[p] * block[i * SIDE + j];
    block[i * SIDE + i] = block[i * SIDE + i] - shift;
    block[j * SIDE + j] = block[j * SIDE + j] + shift;
    let rest = select(0.0, block[i * SIDE + j], tangents[p] == 0.0);
    block[i * SIDE + j] = rest;
    block[j * SIDE + i] = rest;
    return;
  }
  let left = rotated(vec2f(block[i * SIDE + k], block[j * SIDE + k]), p);
  let right = rotated(vec2f(block[i * SIDE + l], block[j * SIDE + l]), p);
  let above = rotated(vec2f(left.x, right.x), q);
  let below = rotated(vec2f(left.y, right.y), q);
  block[i * SIDE + k] = above.x;
  block[k * SIDE + i] = above.x;
  block[i * SIDE + l] = above.y;
  block[l * SIDE + i] = above.y;
  block[j * SIDE + k] = below.x;
  block[k * SIDE + j] = below.x;
  block[j * SIDE + l] = below.y;
  block[l * SIDE + j] = below.y;
}

fn rotate_pair(matrix: u32, pair: u32, lane: u32) {
  let round = current_step();
  let least = 0x1p-23 * bound(matrix);
  for (var i = lane; i < SIDE * SIDE; i += TEAM) {
    block[i] = work(matrix, column_of(pair, i / SIDE, round), column_of(pair, i % SIDE, round));
    turned[i] = f32(i / SIDE == i % SIDE);
  }
  workgroupBarrier();
  var any = 0u;
  for (var i = lane; i < SIDE * SIDE; i += TEAM) {
    let row = i / SIDE;
    let column = i % SIDE;
    let is_one = (row < column) & is_left(block[i], block[row * SIDE + row], block[column * SIDE + column], least);
    any |= u32(is_one);
  }
  busy[lane] = any;
  workgroupBarrier();
  if (lane == 0u) {
    for (var i = 1u; i < TEAM; i++) { any |= busy[i]; }
    is_busy = any;
    set_moves(matrix, pair, f32(any));
  }
  let turns = select(0u, SIDE - 1u, workgroupUniformLoad(&is_busy) != 0u);
  for (var turn = 0u; turn < turns; turn++) {
    for (var place = lane; place < HALF; place += TEAM) { choose(place, turn, least); }
    workgroupBarrier();
    for (var i = lane; i < HALF * HALF; i += TEAM) {
      if (i / HALF <= i % HALF) { rotate_block(i / HALF, i % HALF, turn); }
    }
    for (var i = lane; i < SIDE * HALF; i += TEAM) {
      let row = i / HALF * SIDE;
      let place = i % HALF;
      let both = rotated(vec2f(turned[row + first_of(place, turn)], turned[row + second_of(place, turn)]), place);
      turned[row + first_of(place, turn)] = both.x;
      turned[row + second_of(place, turn)] = both.y;
    }
    workgroupBarrier();
  }
  for (var i = lane; i < SIDE * SIDE; i += TEAM) { set_rotation(matrix, pair, i, turned[i]); }
}
`;

/** What rotations make of all else: tiles of the matrix from both sides, those of the vectors, which lie in rows, from one. */
export const applying = /* wgsl */ `var<workgroup> tile: array<f32, SIDE * SIDE>;
var<workgroup> half_done: array<f32, SIDE * SIDE>;

// Four rows and four columns at a time.
const FOURS = SIDE / 4u;

fn four_of_tile(at: u32) -> vec4f { return vec4f(tile[at], tile[at + 1u], tile[at + 2u], tile[at + 3u]); }

fn four_of_rotation(matrix: u32, pair: u32, at: u32) -> vec4f {
  return vec4f(
    rotation(matrix, pair, at), rotation(matrix, pair, at + 1u), rotation(matrix, pair, at + 2u), rotation(matrix, pair, at + 3u));
}

fn store_fours(to: ptr<workgroup, array<f32, SIDE * SIDE>>, at: u32, rows: mat4x4f) {
  for (var c = 0u; c < 4u; c++) {
    (*to)[at + c] = rows[0][c];
    (*to)[at + SIDE + c] = rows[1][c];
    (*to)[at + 2u * SIDE + c] = rows[2][c];
    (*to)[at + 3u * SIDE + c] = rows[3][c];
  }
}

fn rotate_rows(matrix: u32, pair: u32, lane: u32) {
  for (var i = lane; i < FOURS * FOURS; i += TEAM) {
    let row = i / FOURS * 4u;
    let column = i % FOURS * 4u;
    var s0 = vec4f();
    var s1 = vec4f();
    var s2 = vec4f();
    var s3 = vec4f();
    for (var k = 0u; k < SIDE; k++) {
      let x = four_of_tile(k * SIDE + column);
      let u = four_of_rotation(matrix, pair, k * SIDE + row);
      s0 = fma(vec4f(u.x), x, s0);
      s1 = fma(vec4f(u.y), x, s1);
      s2 = fma(vec4f(u.z), x, s2);
      s3 = fma(vec4f(u.w), x, s3);
    }
    store_fours(&half_done, row * SIDE + column, mat4x4f(s0, s1, s2, s3));
  }
}

fn rotate_columns(matrix: u32, pair: u32, lane: u32) {
  for (var i = lane; i < FOURS * FOURS; i += TEAM) {
    let row = i / FOURS * 4u;
    let column = i % FOURS * 4u;
    var s0 = vec4f();
    var s1 = vec4f();
    var s2 = vec4f();
    var s3 = vec4f();
    for (var k = 0u; k < SIDE; k++) {
      let u = four_of_rotation(matrix, pair, k * SIDE + column);
      s0 = fma(vec4f(half_done[row * SIDE + k]), u, s0);
      s1 = fma(vec4f(half_done[(row + 1u) * SIDE + k]), u, s1);
      s2 = fma(vec4f(half_done[(row + 2u) * SIDE + k]), u, s2);
      s3 = fma(vec4f(half_done[(row + 3u) * SIDE + k]), u, s3);
    }
    store_fours(&tile, row * SIDE + column, mat4x4f(s0, s1, s2, s3));
  }
}

// The rows of pair \`p\` and the columns of pair \`q\` of the matrix, and what mirrors them.
fn rotate_tile(matrix: u32, p: u32, q: u32, lane: u32) {
  let round = current_step();
  if (moves(matrix, p) == 0.0 && moves(matrix, q) == 0.0) { return; }
  for (var i = lane; i < SIDE * SIDE; i += TEAM) {
    tile[i] = work(matrix, column_of(p, i / SIDE, round), column_of(q, i % SIDE, round));
  }
  workgroupBarrier();
  rotate_rows(matrix, p, lane);
  workgroupBarrier();
  rotate_columns(matrix, q, lane);
  workgroupBarrier();
  for (var i = lane; i < SIDE * SIDE; i += TEAM) {
    let row = column_of(p, i / SIDE, round);
    let column = column_of(q, i % SIDE, round);
    if (p != q || i % SIDE <= i / SIDE) {
      set_work(matrix, row, column, tile[i]);
      set_work(matrix, column, row, tile[i]);
    }
  }
}

// Of the vectors of a pair a run of their elements.
fn rotate_vectors(matrix: u32, pair: u32, run: u32, lane: u32) {
  let round = current_step();
  if (moves(matrix, pair) == 0.0) { return; }
  for (var i = lane; i < SIDE * SIDE; i += TEAM) {
    tile[i] = vectors(matrix, column_of(pair, i / SIDE, round), run * SIDE + i % SIDE);
  }
  workgroupBarrier();
  rotate_rows(matrix, pair, lane);
  workgroupBarrier();
  for (var i = lane; i < SIDE * SIDE; i += TEAM) {
    set_vectors(matrix, column_of(pair, i / SIDE, round), run * SIDE + i % SIDE, half_done[i]);
  }
}
`;

/** The vectors in ascending order of their values, each with its greatest element above 0. */
export const finishing = /* wgsl */ `// Ordered as the number is, and NaN too.
fn key_of(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  return bits ^ select(0x80000000u, 0xffffffffu, bits >= 0x80000000u);
}

// One invocation for each vector. What is left beside the diagonal says whether it was found: else it is NaN.
fn finish(matrix: u32, own: u32) {
  let most = 0x1p-10 * bound(matrix);
  let key = key_of(work(matrix, own, own));
  var rank = 0u;
  var is_found = true;
  var greatest = 0.0;
  for (var i = 0u; i < SIZE; i++) {
    let other = key_of(work(matrix, i, i));
    rank += u32(other < key || (other == key && i < own));
    is_found = is_found && (i == own || bitcast<u32>(abs(work(matrix, own, i))) <= bitcast<u32>(most));
    let x = vectors(matrix, own, i);
    greatest = select(greatest, x, abs(x) > abs(greatest));
  }
  let direction = select(NAN(), select(1.0, -1.0, greatest < 0.0), is_found && bitcast<u32>(abs(work(matrix, own, own))) < 0x7f800000u);
  for (var i = 0u; i < SIZE; i++) { set_result(matrix, i, rank, direction * vectors(matrix, own, i)); }
}
`;
