/** What a contraction kernel computes, apart from how: extents, and the WGSL functions that bring operands in and results out. */
import type { Extents } from "../fuse/roles.ts";

/**
 * Names that the header declares and a body may use:
 *   fn load_a(batch: u32, m: u32, k: u32) -> f32             prologue; in range only
 *   fn load_b0(batch: u32, k: u32, n: u32) -> f32, load_b1 …  in range only (see panels)
 *   fn store(batch: u32, m: u32, n: u32, s0: f32, s1: f32 …)  epilogue; in range only
 * Sums run over k ascending, one product added at a time, so that every schedule gives the same bits where fma is not fused.
 */
export interface Contraction extends Extents {
  /** Sums of one kernel: they share the first factor. */
  readonly accumulators: number;
  /**
   * The second factors lie in panels of `width` columns, `[batch][n / width][k][n % width]`, padded with zeros to whole panels;
   * `load_bI(batch, k, n)` may then be called for any n below the padded n. Otherwise n and k must be in range.
   */
  readonly panels?: { readonly width: number };
  /** `fn begin(batch: u32)` is to be called before all others. */
  readonly begins?: boolean;
  /** Operands are f16 exactly (stored so), products and sums may be taken by subgroup matrices with an f32 accumulator. */
  readonly half: boolean;
}

/** How a contraction runs on a device; choosing it never changes the result beyond rounding. */
export type ContractionSchedule =
  /** One invocation per output. For small or odd shapes. */
  | { readonly kind: "plain"; readonly workgroup: number }
  /** Software adapters: one subgroup per workgroup, `rows` × (`columns` · subgroup) outputs, the first factor spread by subgroupBroadcast. */
  | { readonly kind: "broadcast"; readonly subgroup: number; readonly rows: number; readonly columns: number }
  /** GPUs: workgroup memory tiles, `thread` × `thread` outputs per invocation. */
  | {
      readonly kind: "tiled";
      readonly workgroup: readonly [x: number, y: number];
      readonly thread: readonly [m: number, n: number];
      readonly depth: number;
    }
  /** GPUs with subgroup matrices. */
  | {
      readonly kind: "matrix";
      readonly shape: readonly [m: number, n: number, k: number];
      readonly subgroup: number;
      readonly tiles: readonly [m: number, n: number];
    };
