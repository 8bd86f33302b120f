/** Stages that choose: what is measured of candidates, and what becomes of it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { readStore } from "../../runtime/store/store-folder.ts";
import { lcomp, main } from "../cli/lcomp.ts";
import { someText, writeDecoder } from "../given/model-folder.ts";
import { problemsFrom } from "../given/problems.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { recordsIn, untilDone } from "../run/kills.ts";
import { closeDevice, runRecipe, writeFiles } from "../run/recipe.ts";
import { bound, problems } from "./bound.ts";

const imports = `import { fit } from "std/fit"
import { rtn } from "std/quantize/rtn"
import { gptq } from "std/quantize/gptq"
import { wanda } from "std/prune/wanda"
import { perplexity } from "std/evaluate"
method grown(by: Float) on linear(w: f32[out, in]) { w * by }
`;

const trial = (candidates: string, name = "trial"): string => `${imports}
recipe ${name}(model: Model, text: Corpus, budget: Bytes = 1 MiB) {
  let some = text.train.sample(3, length: 24, seed: 7)
  stage small = fit(bytes: budget) of model over some for linear except lm_head among {
    ${candidates}
  }
  report perplexity(small, text.test.first(3), length: 16)
  save small as "lcomp"
}
`;

const uniform = (method: string): string => `${imports}
recipe uniform(model: Model, text: Corpus) {
  let some = text.train.sample(3, length: 24, seed: 7)
  stage small = ${method} of model over some for linear except lm_head
  report perplexity(small, text.test.first(3), length: 16)
  save small as "lcomp"
}
`;

const all = "rtn(one of [2, 4, 8], every: 8)\n    wanda(50%) then rtn(4, every: 8) keeping zeros";

/** A model, a text, and recipes. */
async function given(folder: string, recipes: Readonly<Record<string, string>>) {
  await writeDecoder(join(folder, "model"), {});
  writeFiles(folder, { ...recipes, "text.jsonl": someText(6) });
  return { model: join(folder, "model"), text: join(folder, "text.jsonl") };
}

/** The bytes of what a recipe saves. */
function saved(folder: string, name: string, flags: readonly string[] = []): Buffer {
  const args = [
    "run",
    `${name}.lcomp`,
    "--model",
    "model",
    "--text",
    "text.jsonl",
    "--out",
    name,
    "--force",
    "--quiet",
  ];
  const { status, stderr } = lcomp(folder, [...args, ...flags]);
  assert.is(status, 0, stderr);
  return readFileSync(join(folder, name, "model.safetensors"));
}

suite("fit", ({ test }) => {
  test(
    "measures what a change of weights does: twice as much of it four times the error",
    inFolder(async (folder) => {
      const flags = await given(folder, { "trial.lcomp": trial("grown(one of [1, 1.01, 1.02])") });
      const { reports } = await runRecipe(join(folder, "trial.lcomp"), flags);
      const harms = Map.groupBy(
        reports.filter(({ text }) => text.startsWith("the harm of")),
        ({ text }) => / to (.*)$/.exec(text)?.[1],
      );
      assert.is(harms.size, 8);
      for (const [unit, of] of harms) {
        const [none, one, two] = of.map(({ value }) => value) as [number, number, number];
        assert.is(none, 0);
        assert.ok(Math.abs(two / one - 4) < 0.2, `${unit}: ${two} / ${one}`);
      }
    }),
  );

  test(
    "measures a candidate in one place, all else being as given, as if the model had been so from the start",
    inFolder(async (folder) => {
      const changed = "stage changed = grown(1.5) of model for LAYERS";
      const recipe = (stage: string, of: string, by: string): string => `${imports}
method mine(bytes: Bytes) on candidates(before: f32[token, channel], after: f32[token, channel]) {
  sum(sum(before^2, over channel) - 2 * sum(after^2, over channel), over token)
}
recipe trial(model: Model, text: Corpus) {
  let some = text.train.sample(3, length: 24, seed: 7)
  ${stage}
  stage small = mine(bytes: 1 MiB) of ${of} over some for LAYERS among { ${by} }
}
`;
      const harm = async (text: string): Promise<number> => {
        writeFiles(folder, { "trial.lcomp": text });
        const { reports } = await runRecipe(join(folder, "trial.lcomp"), flags);
        return reports.reduce((sum, { value }) => sum + value, 0);
      };
      const flags = await given(folder, {});
      for (const layers of [
        "layer[0].q, layer[0].k, layer[0].v",
        "layer[1].gate, layer[1].up",
        "layer[0].down",
        "layer[1].o",
      ]) {
        const at = (text: string): string => text.replaceAll("LAYERS", layers);
        const [before, tried, made] = [
          await harm(at(recipe("", "model", "grown(1)"))),
          await harm(at(recipe("", "model", "grown(1.5)"))),
          await harm(at(recipe(changed, "changed", "grown(1)"))),
        ];
        // Of a state with square s each gives -s where nothing changes; tried, the square of the given model less twice the changed one's.
        const expected = -before + 2 * made;
        assert.ok(Math.abs(tried / expected - 1) < 1e-5, `${layers}: ${tried}, ${expected}`);
        assert.ok(Math.abs(made / before - 1) > 1e-3, `${layers} changes nothing`);
      }
    }),
  );

  test(
    "measures codes as they are: more bits do less harm, in every group of layers",
    inFolder(async (folder) => {
      const flags = await given(folder, { "trial.lcomp": trial("rtn(one of [2, 3, 4, 8], every: 8)") });
      const { reports } = await runRecipe(join(folder, "trial.lcomp"), flags);
      const harms = reports.filter(({ text }) => text.startsWith("the harm of")).map(({ value }) => value);
      assert.is(harms.length, 32);
      for (let i = 1; i < harms.length; i++)
        if (i % 4 !== 0) assert.ok((harms[i] ?? 0) < (harms[i - 1] ?? 0) / 2, harms.join(" "));
      assert.is(new Set(harms).size, harms.length);
    }),
  );

  test(
    "takes the smallest candidate where nothing else has room, and is refused where not even that has",
    inFolder(async (folder) => {
      const calibrated = "gptq(one of [2, 4], every: 8)";
      await given(folder, { "trial.lcomp": trial(calibrated), "two.lcomp": uniform("gptq(2, every: 8)") });
      const refused = lcomp(folder, ["plan", "trial.lcomp", "--model", "model", "--budget", "1 KiB"]);
      assert.is(refused.status, 1);
      const [, least] = /must be at least .* \((\d+)\)/.exec(refused.stderr) ?? [];
      const written = lcomp(folder, ["plan", "trial.lcomp", "--model", "model", "--output", "plan.json"]);
      assert.match(written.stderr, /trial is not written to a file.* lcomp run --store DIR/);
      assert.not(existsSync(join(folder, "plan.json")));
      assert.ok(saved(folder, "trial", ["--budget", String(least)]).equals(saved(folder, "two")));
    }),
  );

  test(
    "keeps to its budget, with layers alike that read one activation, and says what it could have had",
    inFolder(async (folder) => {
      await given(folder, { "trial.lcomp": trial(all) });
      const planned = lcomp(folder, ["plan", "trial.lcomp", "--model", "model", "--json"]);
      const { choice } = JSON.parse(planned.stdout);
      const budget = Math.floor((choice.least + choice.most) / 2);
      const inputs = ["trial.lcomp", "--model", "model", "--text", "text.jsonl", "--store", "store", "--json"];
      const args = [...inputs, "--budget", String(budget)];
      const { status, stdout, stderr } = lcomp(folder, ["run", ...args, "--out", "out"]);
      assert.is(status, 0, stderr);
      const again = JSON.parse(lcomp(folder, ["plan", ...args]).stdout);
      assert.equal(again.choices, JSON.parse(stdout).choices);
      assert.ok(again.choice === undefined && again.stages.length > 0);
      const { choices, checks } = JSON.parse(stdout);
      assert.ok(checks.small.windows > 0);
      const [{ bytes, candidates, curve }] = choices;
      assert.ok(bytes <= budget && bytes > choice.least);
      assert.is(curve[0].bytes, choice.least);
      assert.ok(curve[0].harm > 1 && curve.at(-1).harm < 1);
      const groups: readonly string[] = candidates.flatMap(
        (each: { readonly groups: readonly string[] }) => each.groups,
      );
      assert.is(groups.length, 8);
      assert.ok(groups.includes("q, k, v of layer 0") && groups.includes("gate, up of layer 1"));
      const file = readFileSync(join(folder, "out", "model.safetensors"));
      const header = JSON.parse(file.subarray(8, 8 + Number(file.readBigUInt64LE())).toString());
      const sizes = Object.values<{ readonly data_offsets?: readonly [number, number] }>(header);
      const stored = sizes.reduce((sum, { data_offsets: [from, to] = [0, 0] }) => sum + to - from, 0);
      assert.is(stored, bytes);
    }),
  );

  test(
    "goes on where it was killed, and leaves no activations in the store",
    inFolder(async (folder) => {
      await given(folder, { "trial.lcomp": trial("rtn(one of [2, 4], every: 8)") });
      const expected = saved(folder, "trial", ["--budget", "139KiB"]);
      const flags = ["--budget", "139KiB", "--store", "store"];
      const inputs = ["--model", "model", "--text", "text.jsonl", "--out", "trial", "--force", "--quiet"];
      const child = spawn(process.execPath, [main, "run", "trial.lcomp", ...inputs, ...flags], { cwd: folder });
      const store = join(folder, "store");
      await untilDone(child, store, 55, 0);
      child.kill("SIGKILL");
      await once(child, "close");
      const before = recordsIn(store).length;
      assert.ok(before >= 55, `${before}`);
      assert.ok(saved(folder, "trial", flags).equals(expected));
      const keys = recordsIn(store).map(({ key }) => key);
      const again = keys.length - new Set(keys).size;
      assert.ok(again < before / 2, `${again} of ${before} steps are repeated`);
      const index = readStore(store);
      const left = recordsIn(store).filter(({ key, part: { action, what } }) =>
        index.find(key)?.outputs.some(({ name }) => name === "x" && action !== "" && what.startsWith("outputs")),
      );
      assert.equal(
        left.map(({ part }) => part),
        [],
      );
    }),
  );

  test("is refused where it makes no sense, in a sentence", () => {
    const stage = (text: string): readonly string[] =>
      problems(`${imports}recipe r(model: Model, text: Corpus) {
  let some = text.train.sample(3, length: 24, seed: 7)
  stage small = ${text}
}`);
    assert.equal(stage("fit(bytes: 1 MiB) of model over some"), ["not-supported"]);
    assert.equal(stage("rtn(4) of model among { rtn(4) }"), ["not-supported"]);
    assert.equal(stage("fit(bytes: 1 MiB) of model over some for lm_head among { rtn(4, every: 8) }"), [
      "not-supported",
    ]);
    assert.equal(stage("fit(bytes: 1 KiB) of model over some for linear except lm_head among { rtn(4, every: 8) }"), [
      "out-of-range",
    ]);
    assert.equal(stage("fit(bytes: 1 MiB) of model over some for linear except lm_head among { rtn(one of []) }"), [
      "wrong-type",
    ]);
    const ofCodes =
      "rtn(4, every: 8) of model\n  stage less = fit(bytes: 1 MiB) of small over some among { rtn(2, every: 8) }";
    assert.equal(stage(ofCodes), ["not-supported"]);
    const coding = "fit(bytes: 1 MiB) of model over some for q, k, v among { rtn(one of [4, 8], every: 8) }";
    assert.equal(stage(`${coding}\n  stage more = rtn(4, every: 8) of small for q`), ["codes-twice"]);
    assert.equal(stage(`${coding}\n  stage more = wanda(50%) of small over some for q`), ["prunes-codes"]);
    assert.equal(stage(`${coding}\n  stage more = ${coding.replace("of model", "of small")}`), ["not-supported"]);
    const others = coding.replace("of model", "of small").replace("q, k, v", "gate, up");
    assert.equal(stage(`${coding}\n  stage more = ${others}\n  stage last = wanda(50%) of more over some for o`), []);
    assert.equal(stage("fit(bytes: 0.5) of model over some among { rtn(4, every: 8) }"), ["wrong-parameter"]);
  });

  test("says before anything is tried which candidate a target does not hold, or that it holds none beside another", () => {
    const refusals = (candidates: string, target: string): readonly string[] =>
      problemsFrom(() =>
        bound(trial(candidates).replace(`"lcomp"`, `"${target}"`).replace("linear except lm_head", "gate, up")),
      ).map(({ title }) => title);
    assert.equal(refusals("rtn(one of [4, 3], every: 8)", "awq"), [
      `"awq" does not hold Affine(bits: 3, every: 8, symmetric: false) (model.layers.0.mlp.gate_proj.weight) by rtn(bits: 3, every: 8)`,
    ]);
    assert.match(refusals("rtn(4, every: one of [8, 16])", "awq").join(), /several formats in one folder/);
    assert.equal(refusals("rtn(4, every: 8)", "awq"), []);
  });

  test("takes a measure of harm of one's own, which gives a number of two states", () => {
    const recipe = `recipe r(model: Model, text: Corpus) {
  let some = text.train.sample(3, length: 24, seed: 7)
  stage small = mine(bytes: 1 MiB) of model over some for linear except lm_head among { rtn(4, every: 8) }
}`;
    const states = "before: f32[token, channel], after: f32[token, channel]";
    const own = (result: string, sees = states, budget = "bytes: Bytes"): readonly string[] =>
      problems(`${imports}method mine(${budget}) on candidates(${sees}) { ${result} }\n${recipe}`);
    assert.equal(own("sum((before - after)^2, over (token, channel))"), []);
    assert.equal(own("before"), ["wrong-type"]);
    assert.equal(own("{ w: before }"), ["wrong-type"]);
    assert.equal(own("sum(w^2, over (out, in))", "w: f32[out, in]"), ["not-supported"]);
    assert.equal(own("sum(before, over channel)", "before: f32[channel]"), ["wrong-type"]);
    assert.equal(own("sum(after, over (token, channel))", states, "bytes: Int"), ["not-supported"]);
    const untold = recipe.replace(" over some", "");
    const mine = `method mine(bytes: Bytes) on candidates(${states}) { sum(after, over (token, channel)) }`;
    assert.equal(problems(`${imports}${mine}\n${untold}`), ["not-supported"]);
    assert.equal(problems(`${imports}${mine.replace(") {", ") from dense {")}\n${recipe}`), ["not-supported"]);
  });

  test("ends", closeDevice);
});
