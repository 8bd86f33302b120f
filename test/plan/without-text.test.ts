/** What recipes would do with a text that is not given: nothing of its size is made up, all else is as it is with the text. */
import { globSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { outline, type Prepared, prepare } from "../../compiler/compile.ts";
import { needsOf } from "../../runtime/cli/needs-table.ts";
import { type OpenRecipe, openRecipe, readRecipe } from "../../runtime/cli/recipe.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { facts } from "../fuse/sketch.ts";
import { problemsFrom } from "../given/problems.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { root } from "../repository/sources.ts";

const tokens = { train: 400_000, validation: 80_000, test: 80_000 };

const opened = (path: string): Promise<OpenRecipe> =>
  openRecipe(readRecipe(path), { model: join(root, "examples/tiny") });

const planned = ({ outlined, inputs }: OpenRecipe): Prepared => prepare(outlined, inputs, facts);

function withText({ loaded, inputs }: OpenRecipe): Prepared {
  const read = { ...inputs, corpora: new Map([["text", { tokens }]]) };
  return prepare(outline(loaded, read), read, facts);
}

const recipe = (statement: string): string => `import { log_p } from "std/evaluate"

fn windows(text: Corpus) {
  let tokens = text.windows(64)
  size(sample)
}

fn kept(model: Model, text: Corpus) {
  let tokens = text.windows(64)
  let p = log_p(model, tokens)
  observe few = sum(p[step: 0 .. min(3, size(sample)) as few], over (few, vocab))
  mean(few, over sample)
}

fn measured(model: Model, text: Corpus) {
  let tokens = text.windows(64)
  observe all = sum(log_p(model, tokens), over (step, vocab))
  mean(all[sample: 0 .. 4 as few], over few) / size(sample)
}

recipe own(model: Model, text: Corpus) {
  ${statement}
}
`;

/** How many values the recipe asks for: results are compared on few windows, whatever the text. */
const asked = ({ values }: Pick<Prepared, "values">): number => values.filter(({ kind }) => kind !== "compare").length;

suite("plan: without the text", ({ test }) => {
  for (const path of globSync("{examples,docs/results}/*.lcomp", { cwd: root }).sort())
    test(`${path} is planned`, async () => {
      const open = await opened(join(root, path));
      const made = planned(open);
      if (open.outlined.question !== null) {
        assert.ok(made.values.length > 0);
        return;
      }
      const { unknown, work } = needsOf(made);
      assert.is(asked(made), unknown.length > 0 ? 0 : open.outlined.typed.measures.length);
      if (unknown.length === 0) return;
      const whole = withText(open);
      assert.is(asked(whole), open.outlined.typed.measures.length);
      const unmeasured = (parts: typeof work) => parts.filter(({ what }) => !what.startsWith("evaluate"));
      assert.equal(unmeasured(work), unmeasured(needsOf(whole).work));
    });

  for (const measure of ["kept", "measured"])
    test(
      `a size that the number of windows decides waits for the text: ${measure}`,
      inFolder(async (folder) => {
        const path = join(folder, "own.lcomp");
        writeFileSync(path, recipe(`report ${measure}(model, text.test)`));
        const open = await opened(path);
        const made = planned(open);
        assert.equal(needsOf(made).unknown, ["text.test"]);
        assert.equal(made.values, []);
        assert.is(withText(open).values.length, 1);
      }),
    );

  test(
    "a measure of a text that no model reads is refused",
    inFolder(async (folder) => {
      const path = join(folder, "own.lcomp");
      const { tensors, config, folder: name } = await openCheckpoint(join(root, "examples/tiny"));
      const inputs = {
        parameters: new Map(),
        models: new Map([["model", { name, config, tensors }]]),
        corpora: new Map(),
      };
      for (const measure of ["windows(text.test)", "f32(windows(text.test))", "sqrt(f32(windows(text.test)))"]) {
        writeFileSync(path, recipe(`report ${measure}`));
        const entry = readRecipe(path);
        assert.equal(
          problemsFrom(() => outline(entry.loaded, inputs)).map(({ title }) => title),
          ["a measure of a text that no model reads is not supported yet"],
          measure,
        );
      }
    }),
  );
});
