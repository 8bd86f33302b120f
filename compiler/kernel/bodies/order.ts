/** Sorting the places of a row, below what a schedule writes above it. */

export const sortRow = /* wgsl */ `// Sorted runs are doubled until one is the row: two of them, the second backwards, are halved into smaller and greater until runs
// have one place (Batcher's bitonic sort). The smaller always goes first, so that what would lie behind the row never moves, and
// is left out. By (key, place) no two are equal. Above this: N, LEVELS, PAIRS, TEAM, key_of, place_at, set_place and team_barrier, after
// which the team's invocations see what each wrote.
fn sort_row(row: u32, lane: u32) {
  for (var i = lane; i < N; i += TEAM) {
    set_place(row, i, i);
  }
  team_barrier();
  for (var level = 1u; level <= LEVELS; level++) {
    for (var step = level; step > 0u; step--) {
      let half = 1u << (step - 1u);
      for (var pair = lane; pair < PAIRS; pair += TEAM) {
        let within = pair & (half - 1u);
        let start = (pair - within) << 1u;
        let first = start + within;
        let second = select(first + half, start + 2u * half - 1u - within, step == level);
        if (second < N) { put_in_order(row, first, second); }
      }
      team_barrier();
    }
  }
}

fn put_in_order(row: u32, first: u32, second: u32) {
  let a = place_at(row, first);
  let b = place_at(row, second);
  let key_a = key_of(row, a);
  let key_b = key_of(row, b);
  if (key_a > key_b || (key_a == key_b && a > b)) {
    set_place(row, first, b);
    set_place(row, second, a);
  }
}
`;
