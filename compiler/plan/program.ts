/**
 * A program: kernels in order over buffers, for one graph on one adapter. Blocks of equal shape share one program; a step of
 * the plan binds its slots to tensors.
 */
import type { DType } from "./dtype.ts";

export interface Program {
  readonly name: string;
  /** sha256 of what decides the values: the graph, and the rules of arithmetic. Strips and kernels do not. */
  readonly graph: string;
  readonly buffers: readonly Buffer[];
  readonly regions: readonly Region[];
  /** Run once after the weights and states are bound: packing of weights, tables of neither weights nor data. */
  readonly setup: readonly Dispatch[];
  /** Run for each binding of the data. */
  readonly main: readonly Dispatch[];
}

/** Memory of the program: of a slot, or scratch in a region; `bytes` includes padding. */
export interface Buffer {
  readonly id: number;
  readonly bytes: number;
  /** Set for inputs and outputs: the runtime supplies a buffer of exactly `bytes`, row-major over `dims`. */
  readonly slot?: Slot;
  /** Set for scratch: where it lies, from the first byte, by its place among the regions. */
  readonly region?: number;
}

/** A buffer of the device, in which scratch lies that is not needed at the same time. */
export interface Region {
  readonly bytes: number;
  /** Whether what setup computes lies there until the program is unloaded: then it begins as zeros. */
  readonly lasts: boolean;
}

export interface Slot {
  readonly name: string;
  readonly role: "weight" | "data" | "state" | "output" | "accumulator";
  readonly dtype: DType;
  readonly dims: readonly { readonly name: string; readonly size: number }[];
  readonly accumulate?: "sum" | "max" | "min";
}

export interface Dispatch {
  /** Content hash of the WGSL text in the plan's kernels. */
  readonly kernel: string;
  readonly bindings: readonly { readonly buffer: number; readonly offset: number; readonly bytes: number }[];
  readonly workgroups: readonly [x: number, y: number, z: number];
  /** `file:line` of the source that the kernel computes, for people. */
  readonly origin: readonly string[];
  /** What the kernel must at least move and compute: the floor that it is measured against. */
  readonly bytesMoved: number;
  readonly operations: number;
  /** `map`, `row`, `contraction`, or the name of a routine, such as `best`. */
  readonly shape: string;
}

export interface Kernel {
  readonly hash: string;
  readonly wgsl: string;
  /** `read` or `read_write` per binding, in order. */
  readonly bindings: readonly ("read" | "read_write")[];
  readonly features: readonly ("shader-f16" | "subgroups" | "chromium-experimental-subgroup-matrix")[];
}
