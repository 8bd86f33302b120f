// The rank of a score: in the order of the scores, -0 equal to 0, and NaN below all others.
fn key_of(row: u32, i: u32) -> u32 {
  let bits = bitcast<u32>(load_score(row, i));
  let ordered = select(bits | 0x80000000u, ~bits, bits > 0x80000000u);
  return select(ordered, 0u, (bits & 0x7fffffffu) > 0x7f800000u);
}
