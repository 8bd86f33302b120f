/** The mask of the greatest, below what a schedule writes above it. */

/** What all ways of choosing compare. */
export const keyOf = /* wgsl */ `// The rank of a score: in the order of the scores, -0 equal to 0, and NaN below all others.
fn key_of(row: u32, i: u32) -> u32 {
  let bits = bitcast<u32>(load_score(row, i));
  let ordered = select(bits | 0x80000000u, ~bits, bits > 0x80000000u);
  return select(ordered, 0u, (bits & 0x7fffffffu) > 0x7f800000u);
}
`;

/** How a team of invocations chooses. */
export const chooseRow = /* wgsl */ `// The \`KEEP\` greatest of each row, by a team of TEAM invocations per row. Above this: N, KEEP, TEAM, key_of, store_mask, and
// team_sum, which adds up what the team's invocations give it.
//
// Ranked by (key, index), no two elements are equal. The cut is searched two bits at a time: it is the greatest element such
// that at least KEEP are not below it. Most searches end early, when exactly KEEP are not below some key.

// How many keys are at least each of three.
fn count_keys(row: u32, lane: u32, keys: vec3u) -> vec3u {
  var count = vec3u();
  for (var i = lane; i < N; i += TEAM) {
    count += vec3u(vec3u(key_of(row, i)) >= keys);
  }
  return team_sum(lane, count);
}

// How many elements are not below (key, index), for each of three indices.
fn count_elements(row: u32, lane: u32, key: u32, indices: vec3u) -> vec3u {
  var count = vec3u();
  for (var i = lane; i < N; i += TEAM) {
    let own = key_of(row, i);
    count += vec3u((vec3u(i) >= indices) & vec3<bool>(own == key)) + vec3u(u32(own > key));
  }
  return team_sum(lane, count);
}

fn choose_row(row: u32, lane: u32) {
  var key = 0u;
  var index = 0u;
  var kept = N;
  for (var step = 1u << 30u; step > 0u && kept != KEEP; step >>= 2u) {
    let counts = count_keys(row, lane, key + step * vec3u(1u, 2u, 3u));
    for (var i = 0u; i < 3u && counts[i] >= KEEP; i++) {
      key += step;
      kept = counts[i];
    }
  }
  for (var step = 1u << INDEX_SHIFT; step > 0u && kept != KEEP; step >>= 2u) {
    let counts = count_elements(row, lane, key, index + step * vec3u(1u, 2u, 3u));
    for (var i = 0u; i < 3u && counts[i] >= KEEP; i++) {
      index += step;
      kept = counts[i];
    }
  }
  for (var i = lane; i < N; i += TEAM) {
    let own = key_of(row, i);
    store_mask(row, i, own > key || (own == key && i >= index));
  }
}
`;
