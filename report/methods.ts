/** The methods whose results are rows. */

/** What a parameter of a method may be, with its type and its default. */
export const settings = {
  sparsity: { type: "Sparsity", otherwise: "50%", doc: "a share to remove, or n:m for n of every m to stay" },
  bits: { type: "Int", otherwise: "4", doc: "of a code" },
  every: { type: "Int", otherwise: "64", doc: "inputs that share a scale" },
} as const;

export type Setting = keyof typeof settings;

/** A method as a row tries it. */
export interface Method {
  /** As people know it. */
  readonly title: string;
  /** The module that it is imported from. */
  readonly from: string;
  /** The stage, as a recipe writes it: `rtn(bits, every)`. */
  readonly stage: string;
  readonly takes: readonly Setting[];
  /** Whether it looks at text. */
  readonly isCalibrated?: boolean;
}

/** A line each, by the name of its recipe. */
export const methods: Readonly<Record<string, Method>> = {
  magnitude: { title: "Magnitude", from: "prune/magnitude", stage: "magnitude(sparsity)", takes: ["sparsity"] },
  wanda: { title: "Wanda", from: "prune/wanda", stage: "wanda(sparsity)", takes: ["sparsity"], isCalibrated: true },
  rtn: { title: "RTN", from: "quantize/rtn", stage: "rtn(bits, every)", takes: ["bits", "every"] },
  nf4: { title: "NF4", from: "quantize/nf4", stage: "nf4(every)", takes: ["every"] },
  mxfp4: { title: "MXFP4", from: "quantize/mxfp4", stage: "mxfp4()", takes: [] },
  nvfp4: { title: "NVFP4", from: "quantize/nvfp4", stage: "nvfp4()", takes: [] },
  q8_0: { title: "Q8_0", from: "quantize/ggml", stage: "q8_0()", takes: [] },
  q4_0: { title: "Q4_0", from: "quantize/ggml", stage: "q4_0()", takes: [] },
};
