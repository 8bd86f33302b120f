/** Steps of routines on matrices, below what `panels-body.ts` writes above them. */

export const factorBlock = /* wgsl */ `// Cholesky's factor of the diagonal block, in its place, by TEAM invocations: column after column, each taken at once from those
// after it. Above this: block, which is the team's, and await_team.
//
// From the first pivot on that is no positive number (its bits are below or above those of one) columns are 0; and the last pivot of the
// block before tells whether there was one.
fn factor_block(matrix: u32, lane: u32) {
  let first = current_step() * PANEL;
  for (var i = lane; i < PANEL * PANEL; i += TEAM) {
    block[i] = lower(matrix, first + i / PANEL, first + i % PANEL);
  }
  var is_definite = first == 0u || lower(matrix, first - 1u, first - 1u) > 0.0;
  await_team();
  for (var c = 0u; c < PANEL; c++) {
    let pivot = block[c * PANEL + c];
    is_definite = is_definite && bitcast<u32>(pivot) - 0x00800000u < 0x7f000000u;
    let root = select(1.0, sqrt(pivot), is_definite);
    await_team();
    for (var r = c + lane; r < PANEL; r += TEAM) {
      let x = select(block[r * PANEL + c] / root, root, r == c);
      block[r * PANEL + c] = select(0.0, x, is_definite);
    }
    await_team();
    for (var r = c + 1u + lane; r < PANEL; r += TEAM) {
      let x = -block[r * PANEL + c];
      for (var k = c + 1u; k <= r; k++) {
        block[r * PANEL + k] = fma(x, block[k * PANEL + c], block[r * PANEL + k]);
      }
    }
    await_team();
  }
  for (var i = lane; i < PANEL * PANEL; i += TEAM) {
    set_solved(matrix, first + i / PANEL, first + i % PANEL, block[i]);
  }
}
`;

export const solveVector = /* wgsl */ `// Solves with the diagonal block, whose first row is \`first\`, for one vector in its place, a few entries at a time.
// Above this: entry and set_entry.
fn solve_vector(matrix: u32, vector: u32, first: u32) {
  for (var i = 0u; i < PANEL; i += REGISTERS) { solve_some(matrix, vector, first, first + i); }
}

// A row without a diagonal has no solution, and gets 0.
fn quotient(x: f32, diagonal: f32) -> f32 {
  return select(x / select(diagonal, 1.0, diagonal == 0.0), 0.0, diagonal == 0.0);
}

`;

/** Which block a batch of the contraction is. */
export const blocksOfFactor = /* wgsl */ `// Those on and below the diagonal: lines of a long row and a short one, so that all are equally long.
fn begin(batch: u32) {
  own_step = current_step();
  let left = STEPS - 1u - own_step;
  let blocks = left * (left + 1u) / 2u;
  own_matrix = min(batch / blocks, MATRICES - 1u);
  is_own = batch / blocks < MATRICES;
  let width = left | 1u;
  let line = batch % blocks / width;
  let at = batch % blocks % width;
  let long = left - line;
  own_row = own_step + 1u + select(line - (left & 1u), long - 1u, at < long);
  own_column = own_step + 1u + select(at - long, at, at < long);
}
`;

export const blocksOfInverse = /* wgsl */ `// Those of the rows below, in the columns that are not 0.
fn begin(batch: u32) {
  own_step = current_step();
  let width = own_step + 1u;
  let blocks = (STEPS - 1u - own_step) * width;
  own_matrix = min(batch / blocks, MATRICES - 1u);
  is_own = batch / blocks < MATRICES;
  own_row = width + batch % blocks / width;
  own_column = batch % blocks % width;
}
`;
