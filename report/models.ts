/** The models that methods are tried on, each with its text and what it is tried at. */
import type { Setting } from "./methods.ts";

export interface Model extends Readonly<Record<Setting, readonly string[]>> {
  readonly name: string;
  /** What it is and where it is from. */
  readonly about: string;
  /** From the root, or a variable that says where. */
  readonly folder: string;
  /** That the library has for it. */
  readonly architecture: string;
  readonly text: string;
  /** Tokens of a window. */
  readonly length: number;
  /** Of the test text. */
  readonly windows: number;
  /** Windows of calibration. */
  readonly samples: number;
  /** Those that are tried on it; all where it is not said. */
  readonly methods?: readonly string[];
}

const sparsity = ["50%", "2:4"];
const bits = ["8", "4", "3", "2"];

export const models: Readonly<Record<string, Model>> = {
  tiny: {
    name: "tiny",
    about: "`examples/tiny`, 0.9 M parameters, on `examples/world`",
    ...{
      folder: "examples/tiny",
      architecture: "llama",
      text: "examples/world",
      length: 512,
      windows: 64,
      samples: 64,
    },
    ...{ sparsity, bits, every: ["64"] },
  },
  babyllama361: {
    name: "babyllama361",
    about: "`../shared/models/babyllama361`, 1.0 M parameters, on TinyStories",
    folder: "../shared/models/babyllama361",
    architecture: "llama",
    text: "../shared/text/tinystories",
    ...{ length: 256, windows: 128, samples: 128 },
    ...{ sparsity, bits, every: ["32"] },
  },
  smollm2: {
    name: "smollm2",
    about:
      "SmolLM2 135M, as `../shared/tools/real_models.py` makes it, on WikiText-2. `LCOMP_SMOLLM2` says where it is. Groups of 128 do not divide its 576 channels",
    folder: "$LCOMP_SMOLLM2",
    architecture: "llama",
    text: "../shared/text/wikitext2",
    ...{ length: 512, windows: 16, samples: 16 },
    ...{ sparsity: ["50%"], bits: ["4", "3"], every: ["64", "192"] },
    methods: ["magnitude", "wanda", "sparsegpt", "rtn", "hqq", "gptq", "awq", "q4_k", "q4_k_imatrix"],
  },
};
