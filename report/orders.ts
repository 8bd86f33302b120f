/** Orders among methods that papers promise. */
export interface Order {
  /** Loses no more than the other. */
  readonly better: string;
  readonly worse: string;
  /** What there is to say where it does not hold. */
  readonly surprise?: string;
}

export const orders: readonly Order[] = [
  {
    better: "wanda",
    worse: "magnitude",
    surprise:
      "Wanda removes the same share of each row. Magnitude with one threshold for a whole matrix removes more of rows that are small, and on babyllama361 that is worth more than what Wanda knows of the activations. Without that freedom (magnitude of rows) magnitude loses more than Wanda wherever both were tried.",
  },
  { better: "wanda", worse: "magnitude_rows" },
  { better: "wanda_restored", worse: "wanda" },
  {
    better: "owl",
    worse: "wanda",
    surprise:
      "OWL's shares were found on models of billions of parameters. On these small ones the blocks with more outliers are not those that need more weights.",
  },
  { better: "sparsegpt", worse: "wanda" },
  { better: "gptq", worse: "rtn" },
  { better: "gptq_act_order", worse: "gptq" },
  { better: "awq", worse: "rtn" },
  {
    better: "hqq",
    worse: "rtn",
    surprise:
      "HQQ looks at weights alone. Those that it makes of smollm2 with 3 bits are nearer to the given ones than RTN's, by a tenth of the squares, and cost more all the same: which errors matter is not to be seen in weights.",
  },
  { better: "q4_0_imatrix", worse: "q4_0" },
  { better: "q4_k_imatrix", worse: "q4_k" },
];
