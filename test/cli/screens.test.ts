/** What people see: screens of 80 and of 40 columns, in goldens, with a clock and results of the test's own. */
import * as assert from "uvu/assert";
import { type Evaluation, showEvaluation } from "../../runtime/cli/eval-table.ts";
import { type Needs, showNeeds } from "../../runtime/cli/needs-table.ts";
import { type OutlineReport, showOutline } from "../../runtime/cli/outline-table.ts";
import { progressOn, type RunStep } from "../../runtime/cli/progress.ts";
import { runReport, showRun } from "../../runtime/cli/result-table.ts";
import { duration, table } from "../../runtime/cli/table.ts";
import { say, shortened, widthOf, wrapped } from "../../runtime/cli/terminal.ts";
import { estimator } from "../../runtime/cli/time-to-go.ts";
import { record } from "../given/run-report.ts";
import { golden } from "../harness/golden.ts";
import { suite } from "../harness/suite.ts";
import { screen } from "./screen.ts";

const outline: OutlineReport = {
  recipe: "half",
  parameters: { sparsity: "50%", power: "0.5" },
  models: [{ name: "model", architecture: "llama", layers: 1, tensors: 38, bytes: 1_840_000 }],
  stages: ["lighter", "sparse", "a_stage_with_quite_a_long_name"].map((stage, i) => ({
    stage,
    action: `a_method_with_a_long_name(sparsity: 50%, power: ${i})`,
    of: i === 0 ? "model" : "lighter",
    layers: "q k v o gate up down × 32 layers",
    matched: 224,
    left_out: [],
    over: i === 1 ? null : "1 window of 512 tokens of text.train",
    passes: i + 1,
    bytes_before: 1.5e9,
    bytes_after: 7.5e8,
    leaves: i === 1 ? [{ layers: "", zeros: ["50%"], stored: null, folded: false, rotated: false }] : [],
  })),
  evaluations: [{ model: "model", over: "all windows of 512 tokens of text.test" }],
  saved: { model: "sparse", format: "huggingface", bytes: 0, counted_bytes: 0 },
  saves: [{ model: "sparse", format: "huggingface", bytes: 0, counted_bytes: 0 }],
  notes: [],
  total: { tensors: 38, tensors_changed: 28, bytes_before: 1.84e9, bytes_after: 1.1e9 },
};

const changed = (layer: number, what: string, zeros: number) => ({
  ...{ layer, what, zeros, count: 100, tensor: `${layer}.${what}.weight` },
});

const needs: Needs = {
  peak: { gpu: 43_975_168, host: 33_554_432 },
  store: { bytes: 3_680_000_000, without: ["activations"] },
  work: [
    { what: "a_stage_with_quite_a_long_name", operations: 141_136_511_040, bytes_moved: 11_472_487_968 },
    { what: "evaluate a_stage_with_quite_a_long_name", operations: 7.53e15, bytes_moved: 537_030_000 },
  ],
  unknown: ["text.test", "text.validation"],
};

/** A plan of many stages, each on what the one before has made, and results as a run would give them. */
function wide(stages: number) {
  const names = Array.from({ length: stages }, (_, i) => `stage_number_${i}`);
  const result = {
    reports: ["model", ...names].map((model, i) => ({
      ...{ text: `perplexity(${model}, text.test)`, of: { measure: "perplexity", model }, value: 5 + i / 7 },
    })),
    series: [],
    expects: [],
    leftBehind: [],
    stages: names.map((name, i) => ({
      ...{ name, action: "", of: names[i - 1] ?? "model" },
      changed: [changed(i, "q", 10 * i), changed(i, i % 2 === 0 ? "gate" : "up", 50)],
    })),
  };
  const distance = { text: "divergence(model, stage_number_1, text.test, length: 512)", of: null, value: 0.123456789 };
  const reports = [...result.reports, distance];
  const other = {
    ...record,
    notes: [],
    seconds: 4000,
    compile_seconds: 9.97,
    adapter: "gpu: a vendor, a device, a driver",
  };
  return runReport({ ...result, reports }, other);
}

suite("screens", ({ test }) => {
  for (const width of [80, 40]) {
    test(`what a recipe would do fits ${width} columns`, () => {
      const shown = showOutline(outline, width) + showNeeds({ ...needs, saved: outline.saved }, width);
      golden(`test/golden/screens/outline-${width}.txt`, shown);
      assert.ok(shown.split("\n").every((line) => [...line].length <= width));
    });

    test(`what a run has found fits ${width} columns, with two stages and with nine`, () => {
      const shown = `${showRun(wide(2), width)}\n${showRun(wide(9), width)}`;
      golden(`test/golden/screens/run-${width}.txt`, shown);
      assert.ok(shown.split("\n").every((line) => [...line].length <= width));
    });
  }

  test("curves of models and of a record stand side by side, means of neighbours where there are many", () => {
    const along = (text: string, count: number) => ({
      ...{ text, along: "step" },
      values: Array.from({ length: count }, (_, i) => count + i / 8),
    });
    const series = [
      ...[along("mean(loss(model), over sample)", 40), along("mean(loss(small), over sample)", 40)],
      ...[along("kl.stories", 33), along("window_loss(small, text.test, 64)", 3), along("kl.letters", 6)],
      along("curve", 100),
    ];
    const models = [{ name: "model", architecture: "llama", headers: "", layers: 4, bytes: 1 }];
    const asked = { ...record.asked, models, stages: [{ name: "small", action: "", of: "model" }] };
    const none = { reports: [], expects: [], leftBehind: [], stages: [] };
    const other = { ...record, asked, notes: [], seconds: 1, compile_seconds: 0, adapter: "gpu" };
    const shown = showRun(runReport({ ...none, series }, other), 80);
    golden("test/golden/screens/curves.txt", shown);
    assert.ok(shown.split("\n").every((line) => line.length <= 80));
  });

  test("no table of any shape is wider than it may be, or loses a number", () => {
    const columns = [2, 3, 7, 20];
    for (const width of [24, 33, 40, 64, 80, 120])
      for (const count of columns)
        for (const left of count === 7 ? [1, 4] : [1]) {
          const head = Array.from({ length: count }, (_, i) => "column".repeat(1 + (i % 4)));
          const rows = Array.from({ length: 3 }, (_, r) =>
            head.map((_, i) => (i < left ? "a_long_word ".repeat(3) : String(1000 * r + i))),
          );
          const shown = table(head, rows, { left, width });
          assert.ok(
            shown.every((line) => [...line].length <= width),
            shown.join("\n"),
          );
          const numbers = new Set(shown.join(" ").match(/\b\d+\b/g));
          assert.is(numbers.size, rows.length * (count - left), shown.join("\n"));
        }
  });

  test("a file and another program get lines as long as they are, a terminal without a size 80 columns", () => {
    assert.is(widthOf({ write: () => true, columns: 10 }), Number.POSITIVE_INFINITY);
    assert.is(widthOf({ write: () => true, isTTY: true, columns: 0 }), 80);
    assert.is(showOutline(outline).split("\n")[5], showOutline(outline, 200).split("\n")[5]);
  });

  test("words are broken into lines and shortened in their middle", () => {
    assert.equal(wrapped("  one two three", 8, "    "), ["  one", "    two", "    three"]);
    assert.equal(
      ["abcdefghij", "abcde", "ab"].map((text) => shortened(text, 5)),
      ["ab…ij", "abcde", "ab"],
    );
    assert.is(shortened("q k v o gate up down × 4 layers", 22), "q k v o … × 4 layers");
    assert.is(shortened("a layer_of_a_very_long_name", 16), "a layer_…ng_name");
    assert.equal([0.04, 9.94, 9.96, 59.7, 3599.6, 3661].map(duration), [
      "0.0 s",
      "9.9 s",
      "10 s",
      "1 min 0 s",
      "1 h 0 min",
      "1 h 1 min",
    ]);
  });

  test("a terminal whose locale is plain ASCII gets ASCII, of the same width", () => {
    const shown = (environment: NodeJS.ProcessEnv, isTTY: boolean): string => {
      const written: string[] = [];
      say({ isTTY, write: (text: string) => written.push(text) > 0 }, "a → b × c … d · e", environment);
      return written.join("");
    };
    const unicode = "a → b × c … d · e";
    const plain = process.platform === "linux" ? "a > b x c ~ d . e" : unicode;
    assert.is(shown({ LANG: "C" }, true), plain);
    assert.is(shown({ LANG: "en_US.UTF-8", LC_ALL: "C" }, true), plain);
    assert.is(shown({ LC_CTYPE: "C.utf8" }, true), unicode);
    assert.is(shown({ LANG: "C" }, false), unicode);
  });
});

const mean = (of: number, error: number) => ({ mean: of, standard_error: error });
const between = { ...mean(-0.02, 0.021), indistinguishable: true };
const nothing = { ...mean(0, 0), indistinguishable: true };

const evaluation = {
  ...{ mean_nll: 3.2448, standard_error: 0.0429, perplexity: 25.66, tokens: 16384, windows: 32, length: 512 },
  kl: {
    ...{ ...mean(0.0123, 0.0002), maximum: 9.87654321, percentiles: { "99%": 0.34567891 } },
    ...{ same_top: mean(0.9712, 0.0013), mean_nll: 3.2612, nll_error: 0.043, perplexity: 26.08 },
    ...{ log_ratio: { ...mean(0.0164, 0.0018), indistinguishable: false }, correlation: 0.999, change: mean(0, 0.001) },
  },
  tasks: {
    arc: {
      ...{ items: 200, acc: mean(0.5, 0.0354), acc_norm: mean(0.37, 0.0342) },
      against: {
        ...{ acc: mean(0.48, 0.0354), acc_norm: mean(0.37, 0.0342) },
        ...{ change: { acc: between, acc_norm: nothing }, flips: mean(0.09, 0.0203) },
      },
    },
    retrieval: {
      cells: [0, 0.5].flatMap((depth) =>
        [256, 1024].map((length) => ({
          ...{ length, depth, items: 5, acc: mean(0.6, 0.245), acc_norm: mean(0.6, 0.245) },
          against: {
            ...{ acc: mean(1, 0), acc_norm: mean(0.6, 0.245), flips: mean(0.4, 0.245) },
            change: { acc: depth > 0 ? between : { ...mean(-0.4, 0.1), indistinguishable: false }, acc_norm: nothing },
          },
        })),
      ),
    },
  },
  notes: [],
} satisfies Evaluation;

suite("what eval shows", ({ test }) => {
  for (const width of [80, 40])
    test(`an evaluation fits ${width} columns, of one model and of two`, () => {
      const models = ["models/a_model_with_a_long_name", "out/four"];
      const { kl, tasks, notes, ...text } = evaluation;
      const shown = [
        showEvaluation(evaluation, models, width),
        showEvaluation({ ...text, notes }, models.slice(0, 1), width),
        showEvaluation({ texts: { stories: { ...text, kl }, letters: text }, notes }, models, width),
      ];
      golden(`test/golden/screens/eval-${width}.txt`, shown.join("\n"));
      for (const line of shown.join("\n").split("\n")) assert.ok([...line].length <= width, line);
    });
});

const steps: readonly RunStep[] = [
  ...["tokenize text.train", "compile"].map((title) => ({ title, work: null })),
  { title: "stage a_stage_with_quite_a_long_name", work: { compute: 30, disk: 0 } },
  { title: "evaluate a_stage_with_quite_a_long_name", work: { compute: 60, disk: 0 } },
  { title: "save a_stage_with_quite_a_long_name", work: { compute: 0, disk: 4e9 } },
];

/** The moments of a run: the time in seconds, the step, its share, and where. */
const moments = [
  [0.2, 0, 0, []],
  [11, 0, 0.6, []],
  [12, 1, 0, []],
  [20, 2, 0, ["embedding"]],
  [25, 2, 0.25, ["layer 9/32", "statistics"]],
  [25.05, 2, 0.26, ["layer 9/32", "statistics"]],
  [41, 2, 0.99, ["layer 32/32", "a_layer_with_a_long_name"]],
  [41.1, 3, 0, []],
  [80, 3, 0.999, ["layer 32/32", "outputs"]],
  [81, 4, 0.5, ["model.layers.31.self_attn.q_proj.weight"]],
] as const;

suite("progress", ({ test }) => {
  /** What stands on the screen after each moment, and at the end. */
  function played(columns: number, environment: NodeJS.ProcessEnv, isTTY = true): readonly string[] {
    const terminal = screen(columns);
    const stream = { ...terminal, isTTY };
    let time = 0;
    const progress = progressOn({ stream, environment, now: () => time });
    progress.expect(steps);
    const shown = moments.map(([now, step, done, where]) => {
      time = now;
      progress.show({ step, done, where });
      return terminal.shown();
    });
    progress.end();
    return [...shown, terminal.shown()];
  }
  const unicode = { LANG: "C.UTF-8" };

  for (const columns of [80, 40]) {
    test(`the changing line fits ${columns} columns and is gone at the end`, () => {
      const shown = played(columns, unicode);
      golden(`test/golden/screens/progress-${columns}.txt`, `${shown.join("\n")}\n`);
      assert.ok(shown.every((line) => !line.includes("\n") && [...line].length < columns));
      assert.is(shown.at(-1), "");
    });
  }

  test("where no line can change, steps are named once, and heard of again after ten seconds", () => {
    const plain = played(200, unicode, false).at(-1) ?? "";
    golden("test/golden/screens/progress-plain.txt", plain);
    assert.is(played(200, { ...unicode, TERM: "dumb" }).at(-1), plain);
    assert.is(played(200, { ...unicode, CI: "true" }).at(-1), plain);
  });

  test("a line that a narrower window has broken is taken away whole, and nothing above it", () => {
    const terminal = screen(80);
    const progress = progressOn({ stream: terminal, environment: unicode, now: () => 0 });
    terminal.write("above\n");
    progress.expect(steps);
    progress.show({ step: 2, done: 0.5, where: ["layer 3/4", "statistics"] });
    terminal.resize(30);
    progress.show({ step: 3, done: 0.5, where: [] });
    assert.equal(terminal.shown().split("\n").length, 2, terminal.shown());
    assert.ok(terminal.widest() < 30);
    progress.say("a line that stays");
    progress.end();
    assert.is(terminal.shown(), "above\na line that stays\n");
  });

  test("the time to go is that of the whole run, and nobody tells it before something is done", () => {
    const works = steps.map(({ work }) => work);
    const toGo = estimator();
    assert.is(toGo(works, { step: 1, done: 0.9 }, 5), null);
    assert.is(toGo(works, { step: 2, done: 0 }, 10), null);
    // 15 of 90 in 5 s: 25 s for the rest, and 10 s to write the result.
    assert.is(toGo(works, { step: 2, done: 0.5 }, 15), 35);
    assert.is(toGo(works, { step: 3, done: 0.5 }, 30), 20);
    assert.is(toGo(works, { step: 4, done: 0.5 }, 50), 5);
  });
});
