/** What a `best` kernel computes, apart from how. */

/** In each of `rows` rows of `n` scores the `keep` greatest stay, of equals the later; NaN is below all others. */
export interface Best {
  readonly rows: number;
  readonly n: number;
  readonly keep: number;
}

/**
 * Names that the header declares and a body may use:
 *   fn load_score(row: u32, i: u32) -> f32
 *   fn store_mask(row: u32, i: u32, kept: bool)       called once for each element
 * A body declares ROWS, N and KEEP, and no binding.
 */
export type BestSchedule =
  /** One invocation per row ranks every element against all others. For cells of at most 16. */
  | { readonly kind: "rank"; readonly workgroup: number }
  /** One invocation per row searches for the cut. */
  | { readonly kind: "alone"; readonly workgroup: number }
  /** One subgroup of exactly this size per row, and per workgroup. */
  | { readonly kind: "subgroup"; readonly subgroup: number }
  /** One workgroup per row. */
  | { readonly kind: "workgroup"; readonly workgroup: number };
