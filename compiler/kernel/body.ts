/** The part of a kernel that is written by hand. */
import type { Dispatch, Kernel } from "../plan/program.ts";

export interface Body {
  /** Everything below the header: private and workgroup variables, helpers, and the entry point `main`. */
  readonly wgsl: string;
  readonly workgroups: Dispatch["workgroups"];
  readonly features: Kernel["features"];
}
