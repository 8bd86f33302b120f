/** A plan is written, carried out elsewhere, and its result compared with its lock. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { DeviceFacts } from "../../compiler/plan/device-facts.ts";
import { loadPlan } from "../../compiler/plan/load-plan.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import { showPlan } from "../../compiler/plan/plan-file.ts";
import type { Kernel } from "../../compiler/plan/program.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { sha256 } from "../../runtime/io/hash.ts";
import { compareWithLock, type Differences } from "../../runtime/io/lock.ts";
import { UserError } from "../../runtime/user-error.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { readRange } from "../io/tensors.ts";
import { root } from "../repository/sources.ts";
import { writeFiles } from "../run/recipe.ts";
import { type Ended, main, lcomp as started } from "./lcomp.ts";

const tiny = join(root, "examples/tiny");
const excerpt = readFileSync(join(root, "examples/world/train.jsonl"), "utf8").split("\n").slice(0, 12).join("\n");

const recipe = `import { magnitude } from "std/prune/magnitude"
import { perplexity } from "std/evaluate"

recipe light(teacher: Model, words: Corpus, sparsity: Sparsity = 50%) {
  stage sparse = magnitude(sparsity) of teacher for mlp.*
  report perplexity(sparse, words.test, length: 64)
  save sparse as "huggingface"
}
`;

const given = ["--teacher", "model", "--words", "text.jsonl"] as const;

const lcomp = (folder: string, args: readonly string[]): Ended => started(folder, args, { entry: main });

let made: string | undefined;

/** A folder with a model, a text, a recipe, its plan, and what a run of it has made; it is made once. */
function workplace(): string {
  if (made !== undefined) return made;
  const folder = mkdtempSync(join(tmpdir(), "lcomp-apply-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  cpSync(tiny, join(folder, "model"), { recursive: true });
  writeFiles(folder, { "light.lcomp": recipe, "text.jsonl": excerpt });
  for (const args of [
    ["run", "light.lcomp", ...given, "--out", "out", "--quiet"],
    ["plan", "light.lcomp", ...given, "--output", "plan.json"],
  ]) {
    const { status, stderr } = lcomp(folder, args);
    assert.is(status, 0, stderr);
  }
  made = folder;
  return folder;
}

/** Runs a test body with a copy of the workplace. */
const inWorkplace = (body: (folder: string) => Promise<void> | void) =>
  inFolder(async (folder) => {
    cpSync(workplace(), folder, { recursive: true });
    await body(folder);
  });

/** Each file of a folder by its name. */
const contentsOf = (folder: string): Readonly<Record<string, string>> =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "latin1")]));

const apply = (folder: string, ...more: readonly string[]): Ended =>
  lcomp(folder, ["apply", "plan.json", ...given, "--out", "again", ...more]);

/** Writes the plan as it would be if it had been made so. */
function change(folder: string, changed: (plan: Plan) => Plan): void {
  const path = join(folder, "plan.json");
  writeFileSync(path, showPlan(changed(loadPlan(readFileSync(path, "utf8"), path))));
}

/** A kernel that also writes far behind what it may write. */
function astray(kernel: Kernel): Kernel {
  const [, name = "", type = ""] = /var<storage, read_write> (\w+): array<(\w+)>;/.exec(kernel.wgsl) ?? [];
  const wgsl = kernel.wgsl.replace(/fn main\([^{]*\{/, `$&\n  ${name}[500000000u] = ${type}();`);
  assert.is.not(wgsl, kernel.wgsl);
  return { ...kernel, wgsl };
}

const otherDevice: Partial<DeviceFacts> = { subgroupMinSize: 64, subgroupMaxSize: 64 };

function flipBit(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

interface Lock {
  readonly tokenizer: Readonly<Record<string, string>>;
  readonly tensors: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly sha256: Readonly<Record<string, string>>;
}

suite("cli: apply", ({ test }) => {
  test(
    "a plan from a file gives the bytes of the run, with other paths to the same things",
    inWorkplace((folder) => {
      renameSync(join(folder, "model"), join(folder, "other"));
      renameSync(join(folder, "text.jsonl"), join(folder, "words.jsonl"));
      const args = ["apply", "plan.json", "--teacher", "other", "--words", "words.jsonl", "--out", "deep/again"];
      const applied = lcomp(folder, args);
      assert.is(applied.status, 0, applied.stderr);
      assert.match(applied.stderr, /light: \d+ steps with .* of GPU memory and .* of host memory, plan sha256 /);
      assert.match(
        applied.stderr,
        /measure it: npx lcomp eval deep\/again --text words\.jsonl\ndeep\/again\.report\.html: .*\n$/,
      );
      assert.equal(contentsOf(join(folder, "deep/again")), contentsOf(join(folder, "out")));
    }),
  );

  test(
    "the lock has the content of all that was read and written, and nothing of the machine",
    inWorkplace(async (folder) => {
      const text = readFileSync(join(folder, "out/lcomp.lock.json"), "utf8");
      const lock = JSON.parse(text) as Lock;
      const { tokenizer, tensors, sha256: files } = lock;
      assert.equal(Object.keys(tokenizer), [
        ...["config.json", "tokenizer_config.json", "special_tokens_map.json", "tokenizer.json"],
      ]);
      assert.is(tokenizer["tokenizer.json"], sha256(readFileSync(join(tiny, "tokenizer.json"))));
      const teacher = await openCheckpoint(join(folder, "model"));
      for (const [name, tensor] of teacher.tensors)
        assert.is(tensors["teacher"]?.[name], sha256(await readRange(tensor, 0, tensor.bytes)), name);
      for (const [name, hash] of Object.entries(files))
        assert.is(hash, sha256(readFileSync(join(folder, "out", name))), name);
      assert.equal([...Object.keys(files), "lcomp.lock.json"].sort(), readdirSync(join(folder, "out")).sort());
      assert.not.match(text, folder);
    }),
  );

  const refusals: readonly (readonly [string, (folder: string) => void, RegExp])[] = [
    [
      "another model",
      (folder) => {
        const path = join(folder, "model/config.json");
        writeFileSync(path, readFileSync(path, "utf8").replace(/"rms_norm_eps": [^,\n]+/, '"rms_norm_eps": 0.5'));
      },
      /^lcomp: model is not the model that plan\.json was made for: .*; give that one, or plan again\n$/,
    ],
    [
      "another text",
      (folder) => writeFileSync(join(folder, "text.jsonl"), excerpt.split("\n").slice(1).join("\n")),
      /words\.test of text\.jsonl is not the text that plan\.json was made for \(\d+ tokens here, \d+ there.*plan again\n$/,
    ],
    [
      "an edited plan",
      (folder) => {
        const path = join(folder, "plan.json");
        writeFileSync(path, readFileSync(path, "utf8").replace('"doc": ""', '"doc": "x"'));
      },
      /^lcomp: plan\.json was changed after it was made: its hash is not that of its content; plan again\n$/,
    ],
    [
      "a plan of another version",
      (folder) => {
        const path = join(folder, "plan.json");
        writeFileSync(path, readFileSync(path, "utf8").replace(/"version": \d+/, '"version": 2'));
      },
      /^lcomp: plan\.json is a plan of version 2; this lcomp reads version \d+: use the one that made it, or plan again\n$/,
    ],
    [
      "another adapter",
      (folder) => change(folder, (plan) => ({ ...plan, device: { ...plan.device, ...otherDevice } })),
      /lcomp: plan\.json was made for another adapter: its subgroupMinSize is 64, and that of .+ is \d+; LCOMP_ADAPTER=/,
    ],
    [
      "a tensor of another content, before it is used",
      (folder) => {
        lcomp(folder, ["plan", "light.lcomp", ...given, "--output", "plan.json", "--hash-weights"]);
        const path = join(folder, "model/model.safetensors");
        flipBit(path, readFileSync(path).length - 2);
      },
      /tensor model\.\S+\.weight in model\/model\.safetensors is not the one that the plan was made for; .*\nwhat is done is .*\n$/,
    ],
  ];
  for (const [what, spoil, message] of refusals)
    test(
      `${what} is refused by name, and no result is left`,
      inWorkplace((folder) => {
        spoil(folder);
        const { status, stdout, stderr } = apply(folder, "--quiet");
        assert.equal([status, stdout], [1, ""]);
        assert.match(stderr, message);
        const left = readdirSync(folder).filter((name) => name.includes("again"));
        assert.equal(left, stderr.includes("what is done is kept") ? [".again.store"] : []);
      }),
    );

  test(
    "kernels of a file reach no memory that is not theirs",
    inWorkplace((folder) => {
      change(folder, (plan) => ({ ...plan, kernels: plan.kernels.map(astray) }));
      const { status, stderr } = apply(folder, "--quiet");
      assert.ok(status === 0 || status === 1, `it ended with ${status}`);
      assert.not.match(stderr, /bug/);
    }),
  );

  test(
    "what is missing is wrong usage, and the result takes no plan's place",
    inWorkplace((folder) => {
      const usage = (...args: readonly string[]) => lcomp(folder, ["apply", ...args]);
      assert.match(usage().stderr, /^lcomp: something is missing: lcomp apply <PLAN>; /);
      assert.match(usage("plan.json", ...given).stderr, /^lcomp: light saves its result: add --out DIR\n$/);
      assert.match(usage("plan.json", "--out", "x").stderr, /^lcomp: light needs a model: add --teacher DIR\n$/);
      assert.match(usage("plan.json", "--model", "m").stderr, /^lcomp: there is no flag --model; /);
      assert.match(
        usage("light.lcomp", ...given, "--out", "x").stderr,
        /^lcomp: light\.lcomp is a recipe: lcomp run carries it out\n$/,
      );
      assert.match(usage("absent.json").stderr, /^lcomp: cannot read absent\.json: there is no such file or folder\n$/);
      for (const width of usage("plan.json", "--help").stdout.split("\n")) assert.ok(width.length <= 80, width);
    }),
  );
});

suite("cli: verify", ({ test }) => {
  test(
    "a result is as its lock says; what has changed, what is missing and what is more is named",
    inWorkplace((folder) => {
      const count = readdirSync(join(folder, "out")).length;
      const verify = () => lcomp(folder, ["verify", "out"]);
      assert.equal(verify(), { status: 0, stdout: `out: ${count} files, as the lock says\n`, stderr: "" });
      flipBit(join(folder, "out/model.safetensors"), 5000);
      renameSync(join(folder, "out/config.json"), join(folder, "out/Config.json"));
      mkdirSync(join(folder, "out/deep"));
      writeFileSync(join(folder, "out/deep/new"), "");
      const stdout = [
        "changed  model.safetensors",
        "missing  config.json",
        "extra    Config.json",
        "extra    deep/new",
        "",
      ];
      const stderr = "lcomp: out is not as it was written: 4 differences from its lock\n";
      assert.equal(verify(), { status: 1, stdout: stdout.join("\n"), stderr });
      const json = lcomp(folder, ["verify", "out", "--json"]);
      assert.is(json.status, 1);
      assert.equal(JSON.parse(json.stdout).missing, ["config.json"]);
      assert.match(
        lcomp(folder, ["verify", "model"]).stderr,
        /^lcomp: model is no result of lcomp: it has no lcomp\.lock\.json\n$/,
      );
      assert.match(
        lcomp(folder, ["verify", "absent"]).stderr,
        /^lcomp: cannot read absent: there is no such file or folder\n$/,
      );
    }),
  );

  test(
    "one changed bit is found, wherever it is",
    inWorkplace(async (folder) => {
      const out = join(folder, "out");
      for (const name of readdirSync(out)) {
        const { length } = readFileSync(join(out, name));
        for (let i = 0; i < 40; i++) {
          const at = Math.floor((length * i) / 39.01);
          flipBit(join(out, name), at);
          const found = await compareWithLock(out).catch((error: unknown) => error);
          if (found instanceof UserError) assert.match(found.message, /lcomp\.lock\.json/);
          else assert.ok((found as Differences).changed.includes(name), `byte ${at} of ${name}`);
          flipBit(join(out, name), at);
        }
      }
      assert.equal((await compareWithLock(out)).changed, []);
    }),
  );
});
