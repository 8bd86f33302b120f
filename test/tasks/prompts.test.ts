/** Tasks against what test/peers/tasks.py has recorded of lm-evaluation-harness: what is asked of a model, to the byte and to the token. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { JsonObject } from "../../runtime/io/file.ts";
import { encodeChoice } from "../../runtime/io/tasks/choice.ts";
import { readDeclaration, taskNames } from "../../runtime/io/tasks/declaration.ts";
import { encodeTask } from "../../runtime/io/tasks/encode.ts";
import { itemOf } from "../../runtime/io/tasks/items.ts";
import { byLength, factsOf, windowsOf } from "../../runtime/io/tasks/windows.ts";
import { loadTokenizer } from "../../runtime/io/tokenizer.ts";
import { suite } from "../harness/suite.ts";
import { inFolder, refused } from "../io/folder.ts";
import { root } from "../repository/sources.ts";
import { recordedTasks } from "./recorded.ts";

const tiny = join(root, "examples/tiny");
const facts = join(root, "examples/world/facts.jsonl");
const recorded = recordedTasks();

/** Expects an error of that sentence. */
const says = (action: () => unknown, sentence: string | RegExp): Promise<void> =>
  refused(action, typeof sentence === "string" ? new RegExp(`^${sentence.replace(/[^\w ]/gu, "\\$&")}$`) : sentence);

const never = (why: string): never => {
  throw new Error(why);
};

suite("prompts of tasks", ({ test }) => {
  test("every declaration of a data set is compared", () => {
    const ofDataSets = taskNames().filter((name) => name !== "retrieval");
    assert.equal(ofDataSets, Object.keys(recorded.tasks).sort());
  });

  for (const [name, { items, asked }] of Object.entries(recorded.tasks))
    test(`${name} asks what lm-evaluation-harness asks, to the byte`, async () => {
      const declaration = await readDeclaration(name);
      const made = items.map((item) => itemOf(item, declaration, never));
      assert.is(made.length, 5);
      for (const [i, { choices, answer }] of made.entries()) {
        const requests = choices.map(({ context, continuation }) => [context, continuation]);
        assert.equal(requests, asked[i]?.requests);
        assert.is(answer, asked[i]?.answer);
        // WinoGrande's options stand in the context there: the length of what is scored is the same for both, and changes nothing.
        if (name !== "winogrande")
          assert.equal(
            choices.map(({ characters }) => characters),
            asked[i]?.characters,
          );
      }
    });

  test("each subject of MMLU is described as lm-evaluation-harness does", async () => {
    const declaration = await readDeclaration("mmlu");
    const item = { question: "?", choices: ["a", "b", "c", "d"], answer: 0 };
    const described = Object.keys(recorded.subjects).map((subject) => {
      const [first] = itemOf({ ...item, subject }, declaration, never).choices;
      return first?.context.replace(/\?\nA\. a\nB\. b\nC\. c\nD\. d\nAnswer:$/, "");
    });
    assert.is(described.length, 57);
    assert.equal(described, Object.values(recorded.subjects));
  });

  test("context and continuation are split as lm-evaluation-harness does", async () => {
    const tokenizer = await loadTokenizer(tiny);
    for (const [context, continuation, before, after] of recorded.pairs) {
      const { tokens, scored } = encodeChoice({ context, continuation }, { ...tokenizer, opening: [] });
      assert.equal([...tokens], [...before, ...after]);
      assert.is(scored, after.length);
    }
    const nothing = encodeChoice({ context: " ", continuation: "horse" }, { ...tokenizer, opening: [] });
    assert.is(nothing.tokens[0], tokenizer.head, "what follows nothing follows the beginning of text");
    assert.is(nothing.scored, nothing.tokens.length - 1);
  });

  test("a query that begins with the beginning of text has no second one, as lm-evaluation-harness does", async () => {
    const tokenizer = await loadTokenizer(tiny);
    for (const context of ["<|end|>Once upon", "<|end|>"]) {
      const { tokens, scored } = encodeChoice({ context, continuation: " a time" }, tokenizer);
      assert.equal([tokens[0], tokens.indexOf(0, 1), tokens.length > scored], [0, -1, true], context);
    }
  });

  test("a query is preceded by what the tokenizer puts before a text, or by the head where its settings ask for that", async () => {
    const { before, opening, head } = await loadTokenizer(tiny);
    assert.equal([before, opening, head], [[], [0], 0]);
  });

  test("items of alike length are put together, each once, and what is short is filled up behind", async () => {
    const { items } = await encodeTask({ task: facts, context: null }, await loadTokenizer(tiny));
    assert.is(items.length, 80);
    const long = {
      answer: 1,
      choices: [50, 900].map((length, i) => ({
        ...{ tokens: new Int32Array(length).fill(7, 0, 40).fill(8 + i, 40), scored: 3, characters: 9 },
      })),
    };
    const all = [long, ...items];
    const runs = byLength(all);
    assert.equal(runs, [items.map((_, i) => i + 1), [0]]);
    const length = 40 + 9 + 859;
    assert.equal(factsOf([long]), { items: 1, choices: 2, length, longest: 899 });
    const { tokens, position, branch, next, characters, right } = windowsOf([long]);
    assert.equal([tokens.length, next.length], [length, 2 * length]);
    assert.equal(
      [...next.entries()].filter(([, token]) => token >= 0),
      [46, 47, 48].map((at) => [at, 8]).concat([905, 906, 907].map((at) => [length + at, 9])),
    );
    const around = (of: Int32Array): readonly number[] => [39, 40, 48, 49, 907].map((at) => of[at] ?? Number.NaN);
    assert.equal(
      around(tokens),
      [7, 8, 8, 9, 9],
      "what both share stands there once, and nothing that is only predicted",
    );
    assert.equal(around(position), [39, 40, 48, 40, 898]);
    assert.equal(around(branch), [-1, 0, 0, 1, 1]);
    assert.equal(
      [[...characters], [...right]],
      [
        [9, 9],
        [0, 1],
      ],
    );
  });

  test("an item that is longer than the context loses its beginning, and one whose choice is longer is refused", async () => {
    const tokenizer = await loadTokenizer(tiny);
    const whole = await encodeTask({ task: facts, context: null, first: 1 }, tokenizer);
    const cut = await encodeTask({ task: facts, context: 6, first: 1 }, tokenizer);
    assert.equal([whole.cut, cut.cut], [0, 4]);
    for (const [i, choice] of (whole.items[0]?.choices ?? []).entries())
      assert.equal(cut.items[0]?.choices[i]?.tokens, choice.tokens.slice(-7));
    await inFolder(async (folder) => {
      const path = join(folder, "long.jsonl");
      writeFileSync(path, JSON.stringify({ query: "a", choices: ["b", " Then Lul met Tan by the river."], answer: 0 }));
      const reading = encodeTask({ task: path, context: 4 }, tokenizer);
      await says(
        () => reading,
        `${path}, line 1, has a choice, 1, that has 9 tokens, and the model reads 4 at once; mend or remove it`,
      );
    })();
  });

  const good = { query: "a", choices: ["b", "c"], answer: 1 };
  const wrong: readonly (readonly [item: unknown, why: string])[] = [
    [[1], "must be a JSON object"],
    [{ ...good, query: 3 }, "has no text in `query`"],
    [{ choices: ["b", "c"], answer: 1 }, "has no `query`"],
    [{ ...good, choices: "b" }, "has no list of texts in `choices`"],
    [{ ...good, choices: ["b"] }, "has one choice where there must be several"],
    [{ ...good, choices: ["b", ""] }, "has nothing for choice 1"],
    [{ ...good, choices: ["b", null] }, "has no text in `choices.1`"],
    [{ ...good, answer: 2 }, "has `answer` 2, which is none of 0, 1"],
    [{ ...good, answer: "B" }, 'has `answer` "B", which is none of 0, 1'],
    [{ ...good, answer: null }, "has no label or number in `answer`"],
    [{ ...good, query: "\ud800" }, "has half of a pair of surrogates in `query`, which is no character"],
  ];

  test("a malformed item is named by its line", async () => {
    const tokenizer = await loadTokenizer(tiny);
    await inFolder(async (folder) => {
      const path = join(folder, "items.jsonl");
      for (const [item, why] of wrong) {
        writeFileSync(path, `${JSON.stringify(good)}\n\n${JSON.stringify(item)}\n`);
        await says(
          () => encodeTask({ task: path, context: null }, tokenizer),
          `${path}, line 3, ${why}; mend or remove it, or say which data set's form it has, as in arc=FILE`,
        );
      }
      writeFileSync(path, `${JSON.stringify(good)}\n{"query": `);
      await says(
        () => encodeTask({ task: path, context: null }, tokenizer),
        new RegExp(`^${path}, line 2, is not valid JSON`),
      );
      writeFileSync(path, "\n");
      await says(() => encodeTask({ task: path, context: null }, tokenizer), new RegExp(`^${path} is empty`));
      writeFileSync(path, JSON.stringify({ sentence: "no gap", option1: "a", option2: "b", answer: "1" }));
      const task = `winogrande=${path}`;
      await says(
        () => encodeTask({ task, context: null }, tokenizer),
        `${path}, line 1, has no gap \`_\` in its sentence; mend or remove it`,
      );
    })();
  });

  test("a declaration of one's own is read as those of the library, and what is wrong with one is said", async () => {
    const tokenizer = await loadTokenizer(tiny);
    await inFolder(async (folder) => {
      const [own, items] = [join(folder, "own.json"), join(folder, "items.jsonl")];
      writeFileSync(items, JSON.stringify({ text: "Zera likes ", right: "red", wrong: "blue", is: "right" }));
      const task = `${own}=${items}`;
      const declare = (more: JsonObject): void =>
        writeFileSync(
          own,
          JSON.stringify({
            about: "colours",
            query: "{text|strip}",
            choices: ["{right}", "{wrong}"],
            answer: "is",
            labels: ["right", "wrong"],
            ...more,
          }),
        );
      declare({});
      const { items: read } = await encodeTask({ task, context: null }, tokenizer);
      assert.equal([read[0]?.answer, read[0]?.choices.map(({ characters }) => characters)], [0, [3, 4]]);
      for (const [more, why] of [
        [{ query: 3 }, "`query` must be a text, or a list of texts"],
        [
          { rules: [["a"]] },
          "`rules` must be a list of strip, capitalize, words, before_gap, after_gap, and of pairs of a regular expression and what takes its place",
        ],
        [
          { rules: [["(", ""]] },
          "`rules` must be a list of strip, capitalize, words, before_gap, after_gap, and of pairs of a regular expression and what takes its place",
        ],
        [
          { rules: ["upper"] },
          "`rules` must be a list of strip, capitalize, words, before_gap, after_gap, and of pairs of a regular expression and what takes its place",
        ],
        [{ metric: "acc" }, "`metric` must be left out: a task has no such field"],
      ] as const) {
        declare(more);
        await says(
          () => encodeTask({ task, context: null }, tokenizer),
          `${own} declares no task: ${why}; stdlib/tasks has examples`,
        );
      }
    })();
    const known = taskNames().join(", ");
    await says(
      () => readDeclaration("arc2"),
      `there is no task \`arc2\`; there are ${known}, or give a .json of your own`,
    );
    assert.match(readFileSync(join(root, "stdlib/tasks/arc.json"), "utf8"), /Clark et al/);
  });
});
