/** How likely a model finds choices, against NumPy, and what follows: by a recipe, and by `lcomp eval`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { indistinguishable, meanOf, shown } from "../../runtime/cli/statistics.ts";
import { lcomp } from "../cli/lcomp.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { root } from "../repository/sources.ts";
import { closeDevice, runRecipe } from "../run/recipe.ts";
import { recordedTasks } from "./recorded.ts";

const tiny = join(root, "examples/tiny");
const facts = join(root, "examples/world/facts.jsonl");
const { log_likelihood: recorded } = recordedTasks();

const recipe = `
import { accuracy, accuracy_change, accuracy_error, accuracy_for_length, change_error, flips, log_likelihood } from "std/tasks"
import { magnitude } from "std/prune/magnitude"

recipe answers(model: Model, facts: Task) {
  stage small = magnitude(80%) of model for linear except lm_head
  report merge(log_likelihood(model, facts), (item, choice) -> one)
  report accuracy(model, facts), accuracy_error(model, facts), accuracy_for_length(model, facts)
  report accuracy(small, facts.first(4)), accuracy(small, facts), accuracy_error(small, facts)
  report accuracy_change(model, small, facts), change_error(model, small, facts), flips(model, small, facts)
}
`;

/** Items with more and with fewer choices, whose right one is not the first. */
const uneven = [
  {
    query: "Question: What pet does Zera have?\nAnswer:",
    choices: [" horse", " cat", " goat", " duck", " fish"],
    answer: 0,
  },
  { query: "Question: What pet does Sel have?\nAnswer:", choices: [" goat", " cat"], answer: 1 },
];

/** Usage of eval that makes no sense, and what is said. */
const misused: readonly (readonly [args: readonly string[], says: string])[] = [
  [[], "eval needs a text or a task: add --text PATH or --tasks FILE; lcomp eval --help says more"],
  [["--tasks", facts, "--first", "0"], "--first needs a number of items, 1 or more; it is 0"],
  [["--tasks", facts, "--tasks", facts], "--tasks is given the same task twice"],
  [["--tasks", ""], "--tasks needs a value"],
  [["--tasks", facts, "--length", "64"], "--length is of --text, which is not given"],
  [["--text", facts, "--first", "3"], "--first is of --tasks, which is not given"],
];

suite("accuracy on tasks", ({ test }) => {
  test("of one item no standard error is known, and none is shown", () => {
    const one = meanOf([1]);
    assert.equal([one.mean, shown(one), indistinguishable(one)], [1, "1", false]);
    assert.is(JSON.parse(JSON.stringify(one)).standard_error, null);
    assert.is(shown(meanOf([0, 1, 1, 1])), "0.75 ± 0.25");
  });

  for (const [args, says] of misused)
    test(`eval ${args.join(" ").replace(facts, "facts.jsonl")}: ${says}`, () => {
      const { status, stderr } = lcomp(root, ["eval", tiny, ...args]);
      assert.equal([status, stderr], [2, `lcomp: ${says}\n`]);
    });

  test(
    "choices are as likely as NumPy finds, and the right one is the likeliest; a thinned model loses some",
    inFolder(async (folder) => {
      const [path, items] = [join(folder, "answers.lcomp"), join(folder, "facts.jsonl")];
      writeFileSync(path, recipe);
      writeFileSync(items, readFileSync(facts, "utf8").split("\n").slice(0, recorded.length).join("\n"));
      const { reports, series } = await runRecipe(path, { model: tiny, facts: items });
      const found = series[0]?.values ?? [];
      const wanted = recorded.flat();
      assert.is(found.length, wanted.length);
      for (const [i, number] of wanted.entries())
        assert.ok(
          Math.abs((found[i] ?? Number.NaN) - number) < 1e-6 + 1e-5 * Math.abs(number),
          `${found[i]}, ${number}`,
        );
      const value = (text: string): number => reports.find((each) => each.text === text)?.value ?? Number.NaN;
      assert.equal([value("accuracy(model, facts)"), value("accuracy_error(model, facts)")], [1, 0]);
      const [right, count] = [value("accuracy(small, facts)"), recorded.length];
      assert.ok(right < 1 && right > 0, `${right}`);
      assert.ok(
        Math.abs(value("accuracy_error(small, facts)") - Math.sqrt((right * (1 - right)) / (count - 1))) < 1e-6,
      );
      assert.ok(Math.abs(value("accuracy_change(model, small, facts)") - (right - 1)) < 1e-6);
      assert.ok(Math.abs(value("flips(model, small, facts)") - (1 - right)) < 1e-6);
      await closeDevice();
    }),
    "swiftshader",
  );

  test(
    "eval answers each item once, whatever its length and number of choices, and says what lies between two models",
    inFolder(async (folder) => {
      const long = { ...uneven[0], query: `${"Zera had a bell. ".repeat(30)}\n${uneven[0]?.query}` };
      const items = [...uneven, long];
      writeFileSync(join(folder, "uneven.jsonl"), items.map((item) => JSON.stringify(item)).join("\n"));
      const evaluate = (...args: string[]) => {
        const { status, stdout, stderr } = lcomp(folder, ["eval", tiny, "--tasks", "uneven.jsonl", "--quiet", ...args]);
        assert.is(status, 0, stderr);
        return stdout;
      };
      const { tasks, ...rest } = JSON.parse(evaluate("--json", "--against", tiny));
      assert.equal(Object.keys(rest), ["notes"], "nothing is said of a text that is not given");
      const same = { mean: 0, standard_error: 0, indistinguishable: true };
      const { acc, acc_norm, against, items: count } = tasks.uneven;
      assert.is(count, 3);
      assert.is(acc.mean, 1);
      const flips = { mean: 0, standard_error: 0 };
      assert.equal(against, { acc, acc_norm, change: { acc: same, acc_norm: same }, flips });
      assert.match(
        evaluate("--first", "2"),
        /^ +\S+\nuneven acc +1 ± 0\nuneven acc_norm +\S+ ± \S+\n\nuneven: 2 items\n$/,
      );
    }),
  );
});
