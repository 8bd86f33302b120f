/** A report as a run would give it, with names that steer what shows them, where names come from outside. */
import { type RunReport, runReport } from "../../runtime/cli/result-table.ts";
import type { ChangedLayer, RunRecord } from "../../runtime/cli/run-record.ts";

const hash = (digit: string): string => digit.repeat(64);

/** Of a run of nobody's: what it was asked, and nothing done. */
export const record: RunRecord = {
  asked: {
    recipe: { name: "half", doc: "", text: "recipe half() {}\n", parameters: [], sources: [] },
    ...{ plan: hash("0"), models: [], corpora: [], windows: [], stages: [] },
  },
  ...{ saves: [], layers: [], compared: [], taken: [] },
  memory: { planned: { gpu: 0, host: 0 }, measured: { gpu: 0, process: 0 } },
};

/** A name that is none, for whoever takes it for more than text. */
export const hostile = `</script><img src="https://a.example/x" onerror='alert(1)'>&amp;`;

const stages = [
  { name: "sparse", action: "owl(sparsity: 50%)", of: "model" },
  { name: "small", action: "rtn(bits: 4, every: 32)", of: "sparse" },
];

/** Of four matrices in two blocks: `sparse` drops some weights of each, `small` makes codes of half of them. */
const layers = stages.flatMap(({ name: stage }, of) =>
  [0, 1].flatMap((layer) =>
    ["q", "gate"].flatMap((what, i): readonly ChangedLayer[] => {
      const bits = of === 0 ? 16 : 4 + 2 * layer;
      const elements = 4096 * (1 + i);
      const tensor = `blocks.${layer}.${what}.weight`;
      const zeros = of === 0 ? Math.round(elements * (0.4 + 0.1 * (layer + i))) : null;
      const sizes = { elements, zeros, bytes_before: 2 * elements, bytes_after: (elements * bits) / 8 };
      const output_error = (1 + of) * (0.01 + 0.02 * layer + 0.005 * i);
      return [{ stage, layer, what, tensor, ...sizes, output_error, seconds: 0.5 + layer }];
    }),
  ),
);

const windows = { corpus: "text", split: "test", length: 65, count: 8, seed: null } as const;

/** What predictions lose behind each of two blocks, one number of which is none. */
const compared: RunRecord["compared"] = [
  ...stages.map(({ name: model }) => ({
    ...{ model, with: "model", measure: "output_error", windows },
    at: [0, 1].flatMap((layer) => ["q", "gate"].map((what) => ({ layer, what }))),
    values: layers.flatMap(({ stage, output_error }) => (stage === model ? [output_error] : [])),
  })),
  ...[
    { measure: "loss", values: [1.6, 1.61, null] },
    { measure: "kl", values: [0, 0.004, 0.012] },
  ].map((each) => ({
    ...{ model: "small", with: "model", windows, ...each },
    at: [null, 0, 1].map((layer) => ({ layer, what: "" })),
  })),
];

const curve = (height: number): readonly number[] =>
  Array.from({ length: 64 }, (_, i) => height / (1 + i) + 0.01 * (i % 3));

/** Of a model that was pruned and coded, with a choice, an expectation, series, and all that a page can show. */
export const reported: RunReport = runReport(
  {
    reports: ["model", "sparse", "small"].map((model, i) => ({
      ...{ text: `perplexity(${model}, text.test)`, of: { measure: "perplexity", model }, value: 5 + i / 7 },
    })),
    series: [
      { text: "mean(token_loss(model, text.test, 65), over sample)", values: curve(4), along: "step" },
      { text: "mean(token_loss(small, text.test, 65), over sample)", values: curve(5), along: "step" },
      { text: "mean(token_kl(model, small, text.test, 65), over sample)", values: curve(1), along: "step" },
    ],
    expects: [{ text: "perplexity(small, text.test) < 6", place: "half.lcomp:9:3", holds: true, sides: [] }],
    stages: stages.map((stage) => ({
      ...stage,
      changed: layers.flatMap((each) =>
        each.stage === stage.name && each.zeros !== null
          ? [{ ...each, zeros: each.zeros, count: each.elements ?? 0 }]
          : [],
      ),
    })),
    leftBehind: [{ name: `model/${hostile}`, why: "a link that leads out of the folder" }],
  },
  {
    asked: {
      recipe: {
        name: "half",
        doc: `What a stranger says: ${hostile}`,
        text: `/// What a stranger says: ${hostile}\nrecipe half(model: Model) {\n\tsave model as "lcomp" // \u202E\u0007\n}\n`,
        parameters: [
          { name: "model", value: "…" },
          { name: "sparsity", value: "50%" },
        ],
        sources: [
          { module: "half.lcomp", sha256: hash("1") },
          { module: "std/nn", sha256: hash("2") },
        ],
      },
      plan: hash("3"),
      models: [{ name: "model", architecture: "llama", headers: hash("4"), layers: 2, bytes: 65_536 }],
      corpora: [{ name: "text", splits: [{ split: "test", tokens: 4160, sha256: hash("5") }] }],
      windows: [{ corpus: "text", split: "test", length: 65, count: 64, seed: null }],
      stages,
    },
    saves: [{ model: "small", origin: "model", format: "lcomp", bytes: 31_744 }],
    layers,
    compared,
    taken: [
      { what: "sparse", seconds: 4, operations: 3e9, bytes_moved: 2 ** 30 },
      { what: "evaluate small", seconds: 61, operations: 9e12, bytes_moved: 2 ** 34 },
      { what: "measures", seconds: 0, operations: 640, bytes_moved: 2560 },
    ],
    memory: { planned: { gpu: 2 ** 25, host: 2 ** 20 }, measured: { gpu: 2 ** 25, process: 2 ** 28 } },
    notes: [hostile],
    choices: [
      {
        stage: "small",
        bytes: 31_744,
        candidates: [
          { candidate: "rtn(bits: 4, every: 32)", groups: ["blocks.0 q", "blocks.0 gate"] },
          { candidate: "rtn(bits: 6, every: 32)", groups: ["blocks.1 q", "blocks.1 gate"] },
        ],
        curve: [
          { bytes: 28_000, harm: 3.5 },
          { bytes: 31_744, harm: 1 },
          { bytes: 36_000, harm: 0.25 },
        ],
      },
    ],
    checks: { small: { windows: 8, loss: 1.60944, saved_loss: 1.609441, kl: 0.0123456 } },
    ...{ seconds: 83, compile_seconds: 2.5, adapter: hostile },
  },
);
