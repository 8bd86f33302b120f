/**
 * Programs and models at random. What is accepted without a model binds to every model, or is refused for what the model alone
 * decides; what is refused without one is refused with one, of each mistake with the same problem at the same place, whatever else
 * is wrong with the model; and nothing is an internal error. Two kinds are exempt, as nothing asks for them: what is wrong with
 * an architecture, where the model has another one, and what is wrong with methods and functions that a recipe does not use.
 */
import * as assert from "uvu/assert";
import { check } from "../../compiler/check.ts";
import { outline, plan } from "../../compiler/compile.ts";
import type { ModelFacts } from "../../compiler/model/facts.ts";
import type { ProblemKind } from "../../compiler/problems/problem.ts";
import { type LoadedRecipe, recipeIn } from "../../compiler/recipe/load-recipe.ts";
import { CompileError, type Diagnostic } from "../../grammar/diagnostic.ts";
import { showPlace } from "../../grammar/source.ts";
import { suite } from "../harness/suite.ts";
import { hostWith } from "../language/run.ts";
import { drawing, randomOf, seed } from "../ops/random.ts";
import { anyDevice } from "../run/by-hand.ts";
import { drawModel, faults } from "./drawn-models.ts";
import { drawProgram } from "./drawn-programs.ts";

/** What sizes that are written in a program bring out without a model, too. */
const ofSizes: readonly ProblemKind[] = ["does-not-divide", "not-whole", "out-of-range"];

/** What only a model can bring out, by its sizes, its config.json and its tensors. */
const ofModels: readonly ProblemKind[] = [
  ...ofSizes,
  "config-missing",
  "config-value",
  "empty-selector",
  "model-quantised",
  "unknown-architecture",
  "weight-missing",
  "weight-prefix",
  "weight-shape",
  "weight-type",
  "weight-unknown",
];

const isOf =
  (kinds: readonly string[]) =>
  ({ id }: Diagnostic): boolean =>
    kinds.includes(id);

/** A value of config.json may be of another type than its reader takes, only some architectures can be selected from, and a window holds so much. */
const isOfModel = (problem: Diagnostic): boolean =>
  isOf(ofModels)(problem) || /in config\.json|^selecting from|^keeping more numbers/.test(problem.title);

const draws = drawing(700);
const corpora = new Map([["text", { tokens: { train: 4000, validation: 4000, test: 4000 } }]]);

/** Where and what. */
const keyOf = ({ id, labels }: Diagnostic): string => `${id} ${labels.map(({ span }) => showPlace(span)).at(-1) ?? ""}`;

/** Whether a problem is one of the program's architecture. */
function isInArch({ labels }: Diagnostic): boolean {
  const span = labels.at(-1)?.span;
  const arch = span && /^arch [\s\S]*?^\}/m.exec(span.file.text);
  return span !== undefined && arch != null && span.start >= arch.index && span.end <= arch.index + arch[0].length;
}

/** The problems of a recipe bound to a model; none if it is planned. */
function problemsBound(loaded: LoadedRecipe, model: ModelFacts, isPlanned: boolean): readonly Diagnostic[] {
  const inputs = { parameters: new Map(), models: new Map([["model", model]]), corpora };
  try {
    if (isPlanned) plan(loaded, inputs, anyDevice);
    else outline(loaded, inputs);
    return [];
  } catch (error) {
    if (error instanceof CompileError) return error.diagnostics;
    throw error;
  }
}

/** What became of a program bound to a model that fits its architecture, and to one that may not: words to count. */
function outcomesOf(round: number): readonly string[] {
  const random = randomOf("programs", round);
  const { source, arch, mistake } = drawProgram(random);
  try {
    const { artifact, problems } = check(
      { ...hostWith({ "own.lcomp": source }), library: ["std/prelude"] },
      "own.lcomp",
    );
    assert.ok(artifact !== null, "it is not read");
    const loaded = recipeIn(artifact.modules, "own.lcomp");
    const isPlanned = round % 20 === 0 && problems.length === 0;
    return (["none", random.pick(faults)] as const).map((fault) => {
      const bound = problemsBound(loaded, drawModel(random, arch, fault), isPlanned);
      const kinds = bound.map(({ id }) => id);
      const found = bound.length === 0 ? "planned" : kinds[0];
      if (problems.length === 0) {
        assert.ok(bound.every(isOfModel), `no model decides ${bound.map(({ title }) => title)}`);
        return `accepted, ${fault}: ${found}`;
      }
      assert.ok(mistake !== "none" || problems.every(isOf(ofSizes)), "refused without a mistake");
      const lost = problems.filter((problem) => !bound.some((each) => keyOf(each) === keyOf(problem)));
      const isOther = bound.some(isOf(["unknown-architecture"]));
      const isUnused = mistake === "none" || (isOther && lost.every(isInArch));
      assert.ok(lost.length === 0 || isUnused, `${lost.map(keyOf)} is lost`);
      return lost.length === 0 ? "refused again" : `refused, ${fault}: ${found}`;
    });
  } catch (error) {
    throw new Error(`draw ${round} (${mistake}): ${error instanceof Error ? error.message : error}\n${source}`, {
      cause: error,
    });
  }
}

suite(`drawn programs, LCOMP_SEED=${seed}`, ({ test }) => {
  test(`${draws} programs are what they were without a model`, () => {
    const outcomes = new Map<string, number>();
    for (let round = 0; round < draws; round++)
      for (const outcome of outcomesOf(round)) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    assert.ok((outcomes.get("accepted, none: planned") ?? 0) > draws / 3, JSON.stringify([...outcomes]));
  });
});
