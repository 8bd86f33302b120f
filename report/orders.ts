/** Orders among methods that papers promise. */
export interface Order {
  /** Loses no more than the other. */
  readonly better: string;
  readonly worse: string;
  /** Rows are compared that are tried at the same; or each with the smallest of the other's that is no smaller. */
  readonly at?: "the same bytes";
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
      "OWL's shares were found on models of billions of parameters. In babyllama361 the blocks with more outliers are those that need more weights, too; in tiny they are not.",
  },
  { better: "sparsegpt", worse: "wanda" },
  { better: "flap", worse: "minitron" },
  {
    better: "gptq",
    worse: "rtn",
    surprise:
      "With 4 bits in groups of 192 the loss of smollm2 is greater after GPTQ than after RTN, and yet GPTQ is nearer to the given model: its KL is less by a fifth, and it finds the same likeliest token more often. The loss on a text can fall while a model moves away from what it was; KL cannot.",
  },
  { better: "gptq_act_order", worse: "gptq" },
  {
    better: "quarot_gptq",
    worse: "gptq",
    surprise:
      "A rotation wins where few weights are far larger than all others. In tiny and babyllama361 there are hardly any: the greatest weight of a middling matrix is 4.6 and 4.4 times the root of its mean square, as among normal numbers, and after the rotation it is no less. In SmolLM2 it is 11 times, and up to 51.",
  },
  { better: "awq", worse: "rtn" },
  {
    better: "hqq",
    worse: "rtn",
    surprise:
      "HQQ's zero points are no codes, so that 0 has none. In most v of smollm2, and in some down, one input has hundreds of times the mean power and weights of about an eighth of a step: RTN's code for 0 leaves them nearly as they are, HQQ moves them by up to half a step. In all other kinds of layers its outputs are nearer to the given ones than RTN's; a NumPy version loses the same, and with zero points rounded to codes it loses what RTN does.",
  },
  { better: "q4_0_imatrix", worse: "q4_0" },
  { better: "q4_k_imatrix", worse: "q4_k" },
  { better: "wanda_restored_gptq", worse: "wanda_gptq" },
  { better: "sparsegpt_gptq", worse: "wanda_gptq" },
  { better: "svd_llm", worse: "asvd" },
  { better: "caldera", worse: "lqer" },
  {
    better: "caldera",
    worse: "gptq",
    at: "the same bytes",
    surprise:
      "Thin factors are thin beside wide matrices. Of 128 columns, rank 16 with 4 bits costs as much as one bit more for every weight; a bit more leaves a quarter of the squared error of codes, and the factors leave two thirds of what has no directions of its own, as the errors of codes have few. Of 4096 columns, rank 128 costs a quarter of a bit. At equal bytes and rank CALDERA loses less than LQER, which has its factors from one round.",
  },
  { better: "fit", worse: "gptq", at: "the same bytes" },
];
