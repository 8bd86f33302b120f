/** The methods whose results are rows. */

/** What a parameter of a method may be, with its type and its default. */
export const settings = {
  sparsity: { type: "Sparsity", otherwise: "50%", doc: "a share to remove, or n:m for n of every m to stay" },
  share: { type: "Fraction", otherwise: "60%", doc: "to remove" },
  neurons: { type: "Fraction", otherwise: "75%", doc: "those that stay, of each block" },
  bits: { type: "Int", otherwise: "4", doc: "of a code" },
  every: { type: "Int", otherwise: "64", doc: "inputs that share a scale" },
  rank: { type: "Int", otherwise: "32", doc: "of the factors" },
  kept: { type: "Fraction", otherwise: "80%", doc: "of the numbers of a layer, in its factors" },
  width: { type: "Fraction", otherwise: "75%", doc: "of what passes from block to block" },
  budget: { type: "Bytes", otherwise: "4 GiB", doc: "the most that all tensors may take" },
} as const;

export type Setting = keyof typeof settings;

/** A method as a row tries it. */
export interface Method {
  /** As people know it. */
  readonly title: string;
  readonly takes: readonly Setting[];
  /** One after the other. */
  readonly stages: readonly Stage[];
  /** The models that it is tried on; all where it is not said. */
  readonly only?: readonly string[];
  /** Of what a model is tried at, that which this method is tried at; all where it is not said. */
  readonly among?: Readonly<Partial<Record<Setting, readonly string[]>>>;
}

export interface Call {
  /** The module of the library that its method is imported from. */
  readonly from: string;
  /** As a recipe writes it: `rtn(bits, every)`. */
  readonly call: string;
}

export interface Stage extends Call {
  /** Those that it is for, after `for`; empty of a method that works on blocks. */
  readonly layers: string;
  /** Whether it looks at text. */
  readonly isCalibrated: boolean;
  readonly keepsZeros?: boolean;
  /** What it chooses among. */
  readonly candidates?: readonly Call[];
}

/** A stage on all linear layers but the output head, by its weights alone. */
const weights = (from: string, call: string): Stage => ({
  ...{ from, call },
  ...{ layers: "linear except lm_head", isCalibrated: false },
});

/** The same, with text. */
const text = (from: string, call: string): Stage => ({ ...weights(from, call), isCalibrated: true });

/** A stage on the layers whose inputs can be scaled in all models, with text. */
const readers = (from: string, call: string): Stage => ({ ...text(from, call), layers: "q, k, v, gate, up, down" });

/** A stage on blocks, with text. */
const blocks = (from: string, call: string): Stage => ({ ...text(from, call), layers: "" });

/** A stage on some layers, as llama.cpp has them where blocks of 256 do not divide the others. */
const down = (stage: Stage): Stage => ({ ...stage, layers: "down" });
const others = (stage: Stage): Stage => ({ ...stage, layers: "linear except down, lm_head" });

const sparse = ["sparsity"] as const;
const grid = ["bits", "every"] as const;
const thin = ["bits", "every", "rank"] as const;

/** What methods of several steps are tried at. */
const few = { sparsity: ["50%", "2:4"], bits: ["4", "3"], every: ["32", "64"] };

const wanda = text("prune/wanda", "wanda(sparsity)");
const rtn = weights("quantize/rtn", "rtn(bits, every)");
const awq = readers("quantize/awq", "awq(bits, every)");
const restore = text("prune/restore", "restore(model)");
const sparsegpt = text("prune/sparsegpt", "sparsegpt(sparsity)");
const gptq = text("quantize/gptq", "gptq(bits, every)");
const codes = { ...gptq, keepsZeros: true };
const smoothquant = readers("quantize/smoothquant", "smoothquant()");

/** A line each, by the name of its recipe. */
export const methods: Readonly<Record<string, Method>> = {
  magnitude: { title: "Magnitude", takes: sparse, stages: [weights("prune/magnitude", "magnitude(sparsity)")] },
  magnitude_rows: {
    title: "Magnitude of rows",
    takes: sparse,
    stages: [weights("prune/magnitude", "magnitude_rows(sparsity)")],
  },
  wanda: { title: "Wanda", takes: sparse, stages: [wanda] },
  wanda_restored: { title: "Wanda, restored", takes: sparse, stages: [wanda, restore] },
  owl: { title: "OWL", takes: ["share"], stages: [text("prune/owl", "owl(share)")] },
  sparsegpt: { title: "SparseGPT", takes: sparse, stages: [sparsegpt] },
  angular: { title: "Angular distance, one block less", takes: [], stages: [blocks("prune/angular", "angular(1)")] },
  minitron: {
    title: "Minitron, width",
    takes: ["neurons"],
    stages: [blocks("prune/minitron", "minitron_width(neurons)")],
  },
  flap: { title: "FLAP", takes: ["neurons"], stages: [blocks("prune/flap", "flap(neurons)")] },
  rtn: { title: "RTN", takes: grid, stages: [rtn] },
  gptq: { title: "GPTQ", takes: grid, stages: [gptq] },
  gptq_act_order: {
    title: "GPTQ in order of power",
    takes: grid,
    stages: [text("quantize/gptq", "gptq(bits, every, act_order: true)")],
  },
  awq: { title: "AWQ", takes: grid, stages: [awq, rtn] },
  smoothquant: { title: "SmoothQuant and RTN", takes: grid, stages: [smoothquant, rtn] },
  hqq: { title: "HQQ", takes: grid, stages: [weights("quantize/hqq", "hqq(bits, every)")] },
  nf4: { title: "NF4", takes: ["every"], stages: [weights("quantize/nf4", "nf4(every)")] },
  nf4_double: {
    title: "NF4, scales of 8 bits",
    takes: ["every"],
    stages: [weights("quantize/nf4", "nf4(every, double: true, runs: 64)")],
  },
  fp4: { title: "FP4", takes: ["every"], stages: [weights("quantize/fp4", "fp4(every)")] },
  mxfp4: { title: "MXFP4", takes: [], stages: [weights("quantize/mxfp4", "mxfp4()")] },
  nvfp4: { title: "NVFP4", takes: [], stages: [weights("quantize/nvfp4", "nvfp4()")] },
  q8_0: { title: "Q8_0", takes: [], stages: [weights("quantize/ggml", "q8_0()")] },
  q5_1: { title: "Q5_1", takes: [], stages: [weights("quantize/ggml", "q5_1()")] },
  q5_0: { title: "Q5_0", takes: [], stages: [weights("quantize/ggml", "q5_0()")] },
  q4_1: { title: "Q4_1", takes: [], stages: [weights("quantize/ggml", "q4_1()")] },
  q4_0: { title: "Q4_0", takes: [], stages: [weights("quantize/ggml", "q4_0()")] },
  q4_0_imatrix: { title: "Q4_0, imatrix", takes: [], stages: [text("quantize/imatrix", "q4_0_imatrix()")] },
  q4_k: {
    title: "Q4_K, else Q5_0",
    takes: [],
    stages: [down(weights("quantize/k_quants", "q4_k()")), others(weights("quantize/ggml", "q5_0()"))],
    only: ["smollm2"],
  },
  q4_k_imatrix: {
    title: "Q4_K, else Q5_0, imatrix",
    takes: [],
    stages: [down(text("quantize/imatrix", "q4_k_imatrix()")), others(text("quantize/imatrix", "q5_0_imatrix()"))],
    only: ["smollm2"],
  },
  wanda_gptq: { title: "Wanda, then GPTQ", takes: ["sparsity", ...grid], stages: [wanda, codes], among: few },
  wanda_restored_gptq: {
    title: "Wanda, restored, then GPTQ",
    takes: ["sparsity", ...grid],
    stages: [wanda, restore, codes],
    among: few,
  },
  sparsegpt_gptq: {
    title: "SparseGPT, then GPTQ",
    takes: ["sparsity", ...grid],
    stages: [sparsegpt, codes],
    among: few,
  },
  quarot_gptq: {
    title: "QuaRot, then GPTQ",
    takes: grid,
    stages: [{ ...blocks("rotate/quarot", "quarot()"), isCalibrated: false }, gptq],
    among: { bits: ["3", "2"] },
  },
  slicegpt: { title: "SliceGPT", takes: ["width"], stages: [blocks("rotate/slicegpt", "slicegpt(width)")] },
  svd_llm: { title: "SVD-LLM", takes: ["kept"], stages: [text("lowrank/svd_llm", "svd_llm(kept)")] },
  asvd: { title: "ASVD", takes: ["kept"], stages: [text("lowrank/asvd", "asvd(kept)")] },
  lqer: {
    title: "LQER",
    takes: thin,
    stages: [text("lowrank/lqer", "lqer(bits, every, rank)")],
    among: { bits: ["4", "3"] },
  },
  caldera: {
    title: "CALDERA",
    takes: thin,
    stages: [text("lowrank/caldera", "caldera(bits, every, rank)")],
    among: { bits: ["3", "2"] },
  },
  e8p: { title: "Points of E8", takes: [], stages: [weights("quantize/e8p", "e8p()")] },
  caldera_e8p: {
    title: "CALDERA, points of E8",
    takes: ["every", "rank"],
    stages: [text("lowrank/caldera", "caldera_e8p(every, rank)")],
  },
  fit: {
    title: "The best of sizes",
    takes: ["budget", "every"],
    stages: [
      { ...text("fit", "fit(budget)"), candidates: [{ ...gptq, call: "gptq(bits: one of [2, 3, 4, 6, 8], every)" }] },
    ],
    among: { every: ["32", "64"] },
  },
};

/** Whether a method looks at text. */
export const isCalibrated = ({ stages }: Method): boolean => stages.some((stage) => stage.isCalibrated);
