/** Facts in long contexts: the tokens and answers that transformers has, and what is said where there is no room. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { encodeTask, type TaskRequest } from "../../runtime/io/tasks/encode.ts";
import { loadTokenizer } from "../../runtime/io/tokenizer.ts";
import { lcomp } from "../cli/lcomp.ts";
import { suite } from "../harness/suite.ts";
import { inFolder, refused } from "../io/folder.ts";
import { root } from "../repository/sources.ts";

const tiny = join(root, "examples/tiny");
const [lookup, filler] = [join(root, "examples/world/lookup.jsonl"), join(root, "examples/world/test.jsonl")];
const task = `retrieval=${lookup}`;

/** What test/peers/retrieval.py has recorded. */
interface Recorded {
  readonly first: number;
  readonly rows: readonly {
    readonly length: number;
    readonly depth: number;
    /** How many items have the right choice as the likeliest. */
    readonly right: number;
    readonly prompts: readonly (readonly number[])[];
  }[];
}

const { first, rows } = JSON.parse(readFileSync(join(root, "test/peers/retrieval.json"), "utf8")) as Recorded;
const lengths = [...new Set(rows.map(({ length }) => length))];
const depths = [...new Set(rows.map(({ depth }) => depth))];

const fact = {
  before: "",
  fact: "Zera has a cat.",
  query: "\nWhat has Zera?",
  choices: [" a cat", " a dog"],
  answer: 0,
};

suite("retrieval", ({ test }) => {
  test("facts stand in the tokens that transformers gives, and with the longest choice they have the length that is asked for", async () => {
    const tokenizer = await loadTokenizer(tiny);
    const { items, cells } = await encodeTask(
      { task, first, context: 512, around: { filler, lengths, depths } },
      tokenizer,
    );
    assert.equal(
      cells,
      rows.map(({ length, depth }) => ({ length, depth, items: first })),
    );
    const prompts = rows.flatMap((row) => row.prompts.map((prompt) => ({ prompt, length: row.length })));
    assert.is(items.length, prompts.length);
    for (const [i, { choices }] of items.entries()) {
      const { prompt = [], length = 0 } = prompts[i] ?? {};
      for (const { tokens, scored } of choices) assert.equal([...tokens.slice(0, -scored)], prompt);
      assert.is(Math.max(...choices.map(({ tokens }) => tokens.length)), length);
    }
  });

  test("eval answers as transformers does, by length and depth, and finds a model indistinguishable from itself", () => {
    const args = ["--tasks", task, "--filler", filler, "--lengths", lengths.join(), "--first", String(first)];
    const shares = depths.map((depth) => `${100 * depth}%`).join();
    const asked = ["eval", tiny, "--against", tiny, ...args, "--depths", shares, "--json", "--quiet"];
    const { status, stdout, stderr } = lcomp(root, asked);
    assert.is(status, 0, stderr);
    const { cells } = JSON.parse(stdout).tasks.retrieval;
    const right = rows.map((row) => row.right);
    assert.equal(
      cells.map((cell: { acc: { mean: number }; items: number }) => Math.round(cell.acc.mean * cell.items)),
      right,
    );
    for (const { against } of cells) assert.is(against.change.acc.indistinguishable, true);
  });

  test(
    "where a fact has no room, or there is nothing around it, that is said",
    inFolder(async (folder) => {
      const [path, short, none] = [join(folder, "a.jsonl"), join(folder, "short.txt"), join(folder, "none.txt")];
      writeFileSync(path, JSON.stringify(fact));
      writeFileSync(short, "It rained. The road was wet.");
      writeFileSync(none, " \n");
      const tokenizer = await loadTokenizer(tiny);
      const around = { filler, lengths: [64], depths: [0.5] };
      for (const [more, sentence] of [
        [{ context: 32 }, /^64 tokens are asked for, and the model reads 32 at once; ask for fewer$/],
        [
          { around: { ...around, lengths: [8] } },
          /a.jsonl, line 1, has \d+ tokens before its choices where \d have room/,
        ],
        [{ around: { ...around, filler: short } }, /short.txt has fewer than the \d+ tokens that stand around a fact/],
        [{ around: { ...around, filler: none } }, /none.txt is empty; give a text$/],
      ] as const satisfies readonly (readonly [Partial<TaskRequest>, RegExp])[])
        await refused(
          () => encodeTask({ task: `retrieval=${path}`, context: 512, around, ...more }, tokenizer),
          sentence,
        );
      await refused(
        () => encodeTask({ task: `retrieval=${path}`, context: null }, tokenizer),
        /a.jsonl asks about facts in a context, of which nothing is given; use lcomp eval, with --filler TEXT$/,
      );
      writeFileSync(path, JSON.stringify({ ...fact, fact: "" }));
      await refused(
        () => encodeTask({ task: `retrieval=${path}`, context: 512, around }, tokenizer),
        /a.jsonl, line 1, has nothing for its fact; mend or remove it$/,
      );
    }),
  );

  test("flags that make no sense here are named", () => {
    const facts = join(root, "examples/world/facts.jsonl");
    for (const [args, says] of [
      [
        ["--tasks", facts, "--filler", filler],
        "--filler is of tasks about facts in a context, and none is given: --tasks retrieval=FILE",
      ],
      [["--tasks", task, "--depths", "0%"], "--depths is of --filler, which is not given"],
      [["--tasks", task, "--filler", filler, "--depths", "0.5"], '--depths needs shares, 0%,50%,100%; "0.5" is none'],
      [
        ["--tasks", task, "--filler", filler, "--lengths", "64,"],
        '--lengths needs numbers of tokens, 128,256; "" is none',
      ],
    ] as const) {
      const { status, stderr } = lcomp(root, ["eval", tiny, ...args, "--quiet"]);
      assert.equal([status, stderr], [2, `lcomp: ${says}\n`]);
    }
  });
});
