/** Methods that round to a format, and what they leave. */
import type { Packed } from "../../compiler/plan/dtype.ts";
import * as rules from "./rounding-rules.ts";

/** A method, what it leaves of a matrix, the type of its codes, bits of a weight, and bytes of a matrix besides. */
export interface Case {
  readonly stage: string;
  readonly rule: (w: Float32Array) => Float32Array;
  readonly code: Packed;
  readonly bits: number;
  readonly more?: number;
  /** How far numbers may be from those of the rule, in their own size. */
  readonly off?: number;
}

export const rtn = (bits: 2 | 3 | 4 | 5 | 7 | 8, every: number): Case => ({
  stage: `rtn(${bits}, every: ${every})`,
  rule: rules.affine(bits, every),
  code: `u${bits}`,
  bits: bits + (16 + bits) / every,
});

export const byFour = rtn(4, 32);

export const others: readonly Case[] = [
  { stage: "mxfp4()", rule: rules.mxfp4, code: "e2m1", bits: 4.25 },
  { stage: "nvfp4()", rule: rules.nvfp4, code: "e2m1", bits: 4.5, more: 4 },
  { stage: "nf4()", rule: rules.nf4(64), code: "u4", bits: 4.5 },
  { stage: "fp4()", rule: rules.fp4(64), code: "u4", bits: 4.5 },
  { stage: "q8_0()", rule: rules.q8, code: "i8", bits: 8.5 },
  { stage: "q4_0()", rule: rules.q4, code: "u4", bits: 4.5 },
  { stage: "q4_1()", rule: rules.q4WithLeast, code: "u4", bits: 5 },
  { stage: "q5_0()", rule: rules.q5, code: "u4", bits: 5.5 },
  { stage: "q5_1()", rule: rules.q5WithLeast, code: "u4", bits: 6 },
  rtn(4, 64),
];

export const doubled: Case = {
  stage: "nf4(64, double: true, runs: 16)",
  rule: rules.doubleNf4(64, 16),
  ...{ code: "u4", bits: 4 + (8 + 32 / 16) / 64, more: 4, off: 1e-5 },
};
