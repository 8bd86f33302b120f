/** Programs from outside: those that run give the figures of transformers, the others a message whose way out runs and gives them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { caseFile, casesFolder, casesReason } from "./cases.ts";
import { suite } from "./harness.ts";
import { closeDevice, runRecipe } from "./run-recipe.ts";

const reason = casesReason();
const folder = reason === null ? casesFolder() : "";
const written = mkdtempSync(join(tmpdir(), "lcomp messages "));
process.on("exit", () => rmSync(written, { recursive: true, force: true }));

/** The first numbers that a program reports of a model. */
async function reported(path: string, model: string, count = 1): Promise<readonly number[]> {
  const flags = { model: join(folder, model), text: join(folder, "few.jsonl") };
  const { reports } = await runRecipe(path, flags);
  return reports.slice(0, count).map(({ value }) => value);
}

function assertNear(found: readonly number[], expected: readonly number[]): void {
  assert.is(found.length, expected.length);
  for (const [i, value] of expected.entries())
    assert.ok(Math.abs((found[i] ?? Number.NaN) - value) <= 2e-5, `${found[i]} is not ${value}`);
}

/** A program of the cases, changed, as a file. */
function changed(name: string, ...changes: readonly (readonly [from: string, to: string])[]): string {
  let text = readFileSync(caseFile(name), "utf8");
  for (const [from, to] of changes) {
    assert.ok(text.includes(from), `${name} has no ${from}`);
    text = text.replace(from, to);
  }
  const path = join(written, name);
  writeFileSync(path, text);
  return path;
}

suite("cases: programs", ({ test, skip }) => {
  const figures: readonly (readonly [program: string, model: string, ...expected: number[]])[] = [
    ["phi3_dim_opaque.lcomp", "phi3", 13.568827],
    ["mixtral_dim_opaque.lcomp", "mixtral", 14.039296],
    ["gpt2_merge_refused.lcomp", "gpt2", 14.896833],
    ["neox_floor_int.lcomp", "neox", 14.398486],
    ["square_linear.lcomp", "square", 15.454935, 10.153247],
  ];
  for (const [program, model, ...expected] of figures) {
    const title = `${program} gives ${expected.join(" and ")}`;
    if (reason !== null) skip(title, reason);
    else test(title, async () => assertNear(await reported(caseFile(program), model, expected.length), expected));
  }

  const aside = "a square layer is calibrated as well: its input is known by another identity";
  if (reason !== null) skip(aside, reason);
  else
    test(aside, async () => {
      const all = [
        "halved() of model for p",
        "wanda(0%) of model over text.train.sample(2, length: 16) for p",
      ] as const;
      const path = changed("square_linear.lcomp", all, [
        "import { mean_nll }",
        'import { wanda } from "std/prune/wanda"\nimport { mean_nll }',
      ]);
      assertNear(await reported(path, "square", 2), [15.454935, 15.454935]);
    });

  test("the device is closed", closeDevice);
});
