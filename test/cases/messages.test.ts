/** Programs from outside: those that run give the figures of transformers, the others a message whose way out runs and gives them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { check } from "../../compiler/check.ts";
import { CompileError } from "../../grammar/diagnostic.ts";
import { render } from "../../grammar/render.ts";
import { entryFor } from "../../runtime/cli/host.ts";
import { suite, testUnless } from "../harness/suite.ts";
import { closeDevice, runRecipe } from "../run/recipe.ts";
import { assertLoss, caseFile, casesFolder, casesReason } from "./cases.ts";

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
  for (const [i, value] of expected.entries()) assertLoss(found[i], value);
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

/** All that a refused recipe says. */
async function refusal(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return error.diagnostics.map((diagnostic) => render(diagnostic)).join("\n");
  }
  throw new Error("nothing was refused");
}

suite("cases: programs", (own) => {
  const outside = testUnless(reason, own);
  const figures: readonly (readonly [program: string, model: string, ...expected: number[]])[] = [
    ["phi3_dim_opaque.lcomp", "phi3", 13.568827],
    ["mixtral_dim_opaque.lcomp", "mixtral", 14.039296],
    ["gpt2_merge_refused.lcomp", "gpt2", 14.896833],
    ["neox_floor_int.lcomp", "neox", 14.398486],
    ["square_linear.lcomp", "square", 15.454935, 10.153247],
  ];
  for (const [program, model, ...expected] of figures) {
    const title = `${program} gives ${expected.join(" and ")}`;
    outside(title, async () => assertNear(await reported(caseFile(program), model, expected.length), expected));
  }

  const aside = "a square layer is calibrated as well: its input is known by another identity";
  outside(aside, async () => {
    const all = ["halved() of model for p", "wanda(0%) of model over text.train.sample(2, length: 16) for p"] as const;
    const path = changed("square_linear.lcomp", all, [
      "import { mean_nll }",
      'import { wanda } from "std/prune/wanda"\nimport { mean_nll }',
    ]);
    assertNear(await reported(path, "square", 2), [15.454935, 15.454935]);
  });

  const positions =
    "floor_index.lcomp: floors of whole numbers and positions known before the run are whole, and of the others is said how they become so";
  outside(positions, () => {
    const path = caseFile("floor_index.lcomp");
    const said = check(entryFor(path).host, "floor_index.lcomp").problems;
    const text = readFileSync(path, "utf8");
    const functions = said.map(({ labels: [label] }) => text.slice(0, label?.span.start).split("fn ").at(-1)?.[0]);
    assert.equal(functions, ["g", "h"]);
    for (const { hint } of said) assert.match(hint ?? "", "`i32(…)` makes whole numbers of others");
    const whole = (name: string): readonly [string, string] => {
      const [, position = ""] = new RegExp(`fn ${name}\\(x: f32\\[head\\]\\) = x\\[head: (.*)\\]\\n`).exec(text) ?? [];
      return [`[head: ${position}]`, `[head: i32(${position})]`];
    };
    const mended = changed("floor_index.lcomp", whole("g"), whole("h"));
    assert.equal(check(entryFor(mended).host, "floor_index.lcomp").problems, []);
  });

  const ways: readonly (readonly [title: string, body: () => Promise<void>])[] = [
    [
      "blocks without a linear layer: the message lists what there is, which works",
      async () => {
        const flags = { model: join(folder, "weights-only"), text: join(folder, "few.jsonl") };
        const said = await refusal(() => runRecipe(caseFile("no_linear.lcomp"), flags, join(written, "none")));
        assert.match(said, /`layer` matches no layer.*these blocks declare `weight`s alone; outside of them .*`head`/s);
        const path = changed("no_linear.lcomp", ["seed: 7) for layer", "seed: 7) for head"]);
        const { stages } = await runRecipe(path, flags, join(written, "pruned head"));
        assert.is(stages.length, 1);
      },
    ],
    [
      "an architecture is imported, with its name or without",
      async () => {
        const flags = { model: join(folder, "probe"), text: join(folder, "few.jsonl") };
        changed("probe.lcomp");
        const bare = ['import { probe } from "./probe.lcomp"', 'import {} from "./probe.lcomp"'] as const;
        for (const path of [caseFile("import_arch.lcomp"), changed("import_arch.lcomp", bare)]) {
          const { stages } = await runRecipe(path, flags, join(written, `probed by ${basename(dirname(path))}`));
          assert.is(stages.length, 1);
        }
      },
    ],
    [
      "a weight in finer dimensions than are stored: they lie in one",
      async () => {
        let path = caseFile("olmo2_a.lcomp");
        const changes: (readonly [from: string, to: string])[] = [];
        for (const name of ["norm_q", "norm_k"]) {
          const said = await refusal(() => reported(path, "olmo2"));
          const [, flat = "", dims = ""] = /declare it so, as `f32\[(flat = \(([^`]*)\))\]`/.exec(said) ?? [];
          changes.push([`weight ${name}: f32[${dims}]`, `weight ${name}: f32[${flat}]`]);
          path = changed("olmo2_a.lcomp", ...changes);
        }
        assertNear(await reported(path, "olmo2"), [14.393233]);
      },
    ],
  ];
  for (const [title, body] of ways) {
    outside(title, body);
  }

  own.test("the device is closed", closeDevice);
});
