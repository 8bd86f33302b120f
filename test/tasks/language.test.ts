/** Tasks in the language: what a recipe can do with one, and what is said where it cannot. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import { check } from "../../compiler/check.ts";
import { loadRecipe, outline } from "../../compiler/compile.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { problemsFrom } from "../given/problems.ts";
import { suite } from "../harness/suite.ts";
import { hostWith } from "../language/run.ts";
import { root } from "../repository/sources.ts";

const { config, tensors } = await openCheckpoint(join(root, "examples/tiny"));
const models = new Map([["model", { name: "tiny", config, tensors }]]);

/** A function of a model, a task and a text with this body, which a recipe reports. */
const source = (body: string): string =>
  `fn f(model: Model, task: Task, text: Corpus) {\n${body}\n}\nrecipe r(model: Model, arc: Task, text: Corpus) {\n  report f(model, arc, text)\n}\n`;

/** An architecture in whose file everything is ignored but the table, and whose tokens see all others. */
const seesAll = `import { dot, softmax } from "std/nn"

arch open for "LlamaForCausalLM", "llama" {
  dim model = config.hidden_size
  dim vocab = config.vocab_size
  table embed: f32[vocab, model] at "model.embed_tokens.weight"

  fn forward(tokens: i32[token]) -> f32[token, vocab] {
    let x = embed[vocab: tokens]
    let k = rename(x, token -> seen)
    dot(dot(softmax(dot(x, k, over model), over seen), k, over seen), embed, over model)
  }
}
`;

const wrong: readonly (readonly [body: string, says: string])[] = [
  [
    "  let one = task.windows()\n  observe a = model(text.windows(16))\n  size(sample)",
    "is `text.test` in windows of 16 here",
  ],
  [
    "  observe a = model(task.windows())\n  sum(a, over sample)",
    "and is { tokens: i32[sample, token], next: i32[sample",
  ],
  [
    "  let one = task.windows()\n  observe a = max(one.tokens, over token)\n  sum(a, over sample)",
    "of a text that no model reads",
  ],
  ["  task.size", "there is no part of a task `size` here"],
  ["  task.first(0)", "the number of items is 0, and must be a whole number from 1"],
];

suite("tasks in the language", ({ test }) => {
  for (const [body, says] of wrong)
    test(`${body.trim().split("\n").at(-2) ?? body.trim()}: ${says}`, () => {
      const { problems } = check(hostWith({ "r.lcomp": source(body) }), "r.lcomp");
      assert.equal(problems.length, 1);
      assert.match(problems[0]?.title ?? "", says);
    });

  const logits =
    "  let one = task.windows()\n  observe a = sum(model(one.tokens), over (token, vocab))\n  sum(a, over sample)";
  const refused: readonly (readonly [text: string, says: string])[] = [
    [seesAll + source(logits), "questions with choices for a model with attention that looks at later tokens"],
    [source(logits.replace("one.tokens", "max(one.tokens, 7)")), "a model on other tokens than those of a window"],
    [
      source("  observe a = sum(model(max(text.windows(16), 7)), over (token, vocab))\n  sum(a, over sample)"),
      "a model on other tokens than those of a window",
    ],
  ];
  for (const [text, says] of refused)
    test(`of a model: ${says}`, () => {
      const loaded = loadRecipe(hostWith({ "r.lcomp": text }), "r.lcomp");
      const ofTask = { tokens: { tokens: 5 * 16 }, task: { items: 5, choices: 4, length: 16, longest: 12 } };
      const corpora = new Map(Object.entries({ arc: ofTask, text: { tokens: { test: 64 } } }));
      const problems = problemsFrom(() => outline(loaded, { parameters: new Map(), models, corpora }));
      assert.match(problems[0]?.title ?? "", says);
    });

  test("what a recipe reads of a task hangs on how many items there are, and how long they are", () => {
    const text = source(
      "  let one = task.first(3).windows()\n  observe a = f32(one.characters)\n  sum(a, over (sample, choice))",
    );
    const loaded = loadRecipe(hostWith({ "r.lcomp": text }), "r.lcomp");
    const task = { items: 5, choices: 4, length: 16, longest: 12 };
    const corpora = (items: number) => new Map([["arc", { tokens: { tokens: 20 * 16 }, task: { ...task, items } }]]);
    const { windows } = outline(loaded, { parameters: new Map(), models, corpora: corpora(5) });
    assert.equal(
      windows.map(({ split, length, first }) => [split, length, first]),
      [
        ["tokens", 16, 3],
        ["characters", 4, 3],
      ],
    );
    const few = problemsFrom(() => outline(loaded, { parameters: new Map(), models, corpora: corpora(2) }));
    assert.match(few[0]?.title ?? "", "the number of items is 3, and must be at most 2, all that `arc` has");
    const none = problemsFrom(() => outline(loaded, { parameters: new Map(), models, corpora: new Map() }));
    assert.equal(
      none.map(({ id }) => id),
      ["missing-parameter"],
    );
  });
});
