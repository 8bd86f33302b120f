/** Half-quadratic quantisation against its rounds in float64, and against what the authors' code does of the same grids. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { someText, writeDecoder } from "../given/model-folder.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { readTensor } from "../io/tensors.ts";
import { closeDevice, runRecipe, writeFiles } from "../run/recipe.ts";

const recipe = (bits: number): string => `import { hqq } from "std/quantize/hqq"

recipe trial(model: Model, text: Corpus) {
  stage small = hqq(${bits}) of model for down
  save small as "huggingface"
}
`;

const { abs, f16round, max, min } = Math;
const even = (x: number): number => (abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

interface Grid {
  readonly run: readonly number[];
  readonly scale: number;
  readonly most: number;
}

const left = ({ run, scale, most }: Grid, zero: number): readonly number[] =>
  run.map((x) => scale * (min(max(even(x / scale + zero), 0), most) - zero));

/** The sum of the errors to the power of 0.7, in steps. */
const cost = ({ run, scale }: Grid, found: readonly number[]): number =>
  run.reduce((sum, x, i) => sum + abs((x - (found[i] ?? NaN)) / scale) ** 0.7, 0);

/** The zero point of the next round; \`unit\` is that of the errors. */
function next(grid: Grid, zero: number, unit: number): number {
  const found = left(grid, zero);
  const moved = grid.run.map((x, i) => {
    const error = (x - (found[i] ?? NaN)) / unit;
    const large = Math.sign(error) * max(abs(error) - abs(error) ** -0.3 / 10, 0);
    return ((found[i] ?? NaN) - x + (error === 0 ? 0 : large * unit)) / grid.scale + zero;
  });
  return moved.reduce((sum, each) => sum + each, 0) / grid.run.length;
}

/** The best of 20 rounds. */
function best(grid: Grid): number {
  let zero = f16round(-min(...grid.run) / grid.scale);
  let least = cost(grid, left(grid, zero));
  for (let round = 0; round < 20; round++) {
    zero = f16round(next(grid, zero, grid.scale));
    least = min(least, cost(grid, left(grid, zero)));
  }
  return least;
}

/** What the authors' code ends with: rounds while the mean error of all runs falls, and the zero points that came last. */
function authors(grids: readonly Grid[]): number {
  let zeros = grids.map(({ run, scale }) => -min(...run) / scale);
  let error = Infinity;
  for (let round = 0; round < 20; round++) {
    const now = grids.reduce(
      (sum, grid, i) => sum + left(grid, zeros[i] ?? NaN).reduce((all, x, j) => all + abs(x - (grid.run[j] ?? NaN)), 0),
      0,
    );
    zeros = grids.map((grid, i) => next(grid, zeros[i] ?? NaN, 1));
    if (now >= error) break;
    error = now;
  }
  return grids.reduce((sum, grid, i) => sum + cost(grid, left(grid, zeros[i] ?? NaN)), 0);
}

suite("recipe: hqq", ({ test }) => {
  for (const bits of [4, 3, 2])
    test(
      `${bits} bits: the best round of each run, which the authors' code does not keep`,
      inFolder(async (folder) => {
        const [model, text, out] = [join(folder, "model"), join(folder, "text.jsonl"), join(folder, "out")] as const;
        await writeDecoder(model, { dtype: "F32", config: { hidden_size: 64, intermediate_size: 192 } });
        writeFiles(folder, { "hqq.lcomp": recipe(bits), "text.jsonl": someText(4) });
        await runRecipe(join(folder, "hqq.lcomp"), { model, text }, out);
        const numbers = async (of: string): Promise<readonly number[]> => {
          const tensor = (await openCheckpoint(of)).tensors.get("model.layers.0.mlp.down_proj.weight");
          if (!tensor) throw new Error(`${of} lacks the matrix`);
          return [...new Float32Array((await readTensor(tensor)).slice().buffer)];
        };
        const [given, saved] = [await numbers(model), await numbers(out)];
        const most = 2 ** bits - 1;
        const grids = Array.from({ length: given.length / 64 }, (_, i): Grid => {
          const run = given.slice(64 * i, 64 * i + 64);
          return { run, scale: f16round((max(...run) - min(...run)) / most), most };
        });
        const found = grids.map((grid, i) => cost(grid, saved.slice(64 * i, 64 * i + 64)));
        const sum = (x: readonly number[]): number => x.reduce((all, each) => all + each, 0);
        const wanted = sum(grids.map(best));
        assert.ok(Math.abs(sum(found) / wanted - 1) < 1e-3, `${sum(found)} and ${wanted}`);
        for (const [i, grid] of grids.entries())
          assert.ok((found[i] ?? NaN) <= 1.0001 * cost(grid, left(grid, f16round(-min(...grid.run) / grid.scale))));
        assert.ok(sum(found) <= authors(grids), `${sum(found)} and ${authors(grids)}`);
      }),
    );

  test("the device closes", closeDevice);
});
