/** Texts and tokenizers from outside: which token begins a text, digits beyond ASCII, and what must come to an end. */
import { copyFileSync, cpSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { planInThread } from "../../runtime/cli/plan-thread.ts";
import { openRecipe, readRecipe } from "../../runtime/cli/recipe.ts";
import { encodeTexts } from "../../runtime/io/encode.ts";
import { facts } from "../fuse/sketch.ts";
import { type Suite, suite, testUnless } from "../harness/suite.ts";
import { inFolder, refused } from "../io/folder.ts";
import { closeDevice, runRecipe } from "../run/recipe.ts";
import { assertLoss, caseFile, casesFolder, casesReason } from "./cases.ts";

const reason = casesReason();
const folder = reason === null ? casesFolder() : "";

/** Mean NLL as Transformers gives it. */
const figures: readonly (readonly [model: string, text: string, loss: number])[] = [
  ["two-bos", "text.jsonl", 3.385117],
  ["bos-in-map", "text.jsonl", 3.385117],
  ["digits", "numerals.jsonl", 6.030931],
];

const { signal } = new AbortController();
const onProgress = (): void => undefined;
const read = (model: string, text: string, patience = 60) =>
  encodeTexts({ folder: model, requests: [{ text, split: "test" }] }, { signal, onProgress, patience });

function beginnings(test: Suite["test"]): void {
  for (const [model, text, loss] of figures)
    test(`${model} gives ${loss}`, async () => {
      const flags = { model: join(folder, model), text: join(folder, text), length: "128" };
      const { reports } = await runRecipe("std/evaluate", flags);
      assertLoss(reports[0]?.value, loss);
    });

  test("a text begins with the same token in .txt and in .jsonl, and another one in config.json is noted", async () => {
    const stream = await read(join(folder, "two-bos"), join(folder, "stories.txt"));
    const documents = await read(join(folder, "two-bos"), join(folder, "few.jsonl"));
    assert.equal([stream.corpora[0]?.tokens[0], documents.corpora[0]?.tokens[0]], [1, 1]);
    assert.is(stream.tokenizer.notes.length, 1);
    assert.match(
      stream.tokenizer.notes[0] ?? "",
      /texts begin with token 1, .*; the bos_token_id of its config.json is 2$/,
    );
  });

  test("numerals are digits of their own", async () => {
    const { corpora } = await read(join(folder, "digits"), join(folder, "numerals.jsonl"));
    assert.is(corpora[0]?.tokens.length, 2916);
  });
}

function endings(test: Suite["test"]): void {
  test(
    "a file that serves as several splits is read once; more of one kind than a regular expression can take is refused",
    inFolder(async (own) => {
      const text = join(own, "text.txt");
      writeFileSync(text, "a b ".repeat(1000));
      const requests = (["train", "test"] as const).map((split) => ({ text, split }));
      const { corpora } = await encodeTexts({ folder: join(folder, "two-bos"), requests }, { signal, onProgress });
      assert.is(corpora[0]?.tokens, corpora[1]?.tokens);
      writeFileSync(text, "a".repeat(15_000_000));
      await refused(
        () => read(join(folder, "digits"), text),
        /what begins with "aaa.* goes on for too long .*; break it up/,
      );
    }),
  );

  test(
    "a regular expression without end is given up, by line",
    inFolder(async (own) => {
      cpSync(join(folder, "base"), own, { recursive: true });
      copyFileSync(caseFile("names/catastrophic-tokenizer.json"), join(own, "tokenizer.json"));
      const text = join(own, "text.jsonl");
      writeFileSync(text, `{"text":"hello"}\n{"text":"${"a".repeat(50)}b"}\n`);
      await refused(
        () => read(own, text, 1),
        /has made no progress for 1 s at .*text.jsonl, line 2: a regular expression/,
      );
    }),
  );

  test(
    "an interrupt ends the reading of a text and the compiling of a recipe while they go on",
    inFolder(async (own) => {
      const text = join(own, "text.txt");
      writeFileSync(text, "Once upon a time there was a dog. ".repeat(300_000));
      const interrupt = new AbortController();
      const reading = encodeTexts(
        { folder: join(folder, "two-bos"), requests: [{ text, split: "test" }] },
        { signal: interrupt.signal, onProgress: () => interrupt.abort(new Error("interrupted")) },
      );
      await rejected(reading, "interrupted");

      const again = new AbortController();
      const flags = { model: caseFile("../models/babyllama361") };
      const { loaded, inputs, shown } = await openRecipe(readRecipe(caseFile("rank8.lcomp")), flags);
      const compiling = planInThread(
        { loaded, inputs, facts },
        { signal: again.signal, shown, onGraph: () => again.abort(new Error("interrupted")) },
      );
      await rejected(compiling, "interrupted");
    }),
  );

  test(
    "a text that would not fit into memory is refused with numbers",
    inFolder(async (own) => {
      const given = async (name: string, bytes: number, message: RegExp) => {
        writeFileSync(join(own, name), "");
        truncateSync(join(own, name), bytes);
        await refused(() => read(join(folder, "base"), join(own, name)), message);
      };
      await given("a.txt", 400e6, /a.txt is one text of 381\.47 MiB, at most 128 MiB; split it/);
      await given("a.jsonl", 400e6, /a.jsonl, line 1, is longer than 128 MiB; write a document a line/);
    }),
  );
}

async function rejected(work: Promise<unknown>, message: string): Promise<void> {
  const error: unknown = await work.then(
    () => undefined,
    (why: unknown) => why,
  );
  assert.is(error instanceof Error && error.message, message);
}

suite("cases: texts", (t) => {
  const test = testUnless(reason, t);
  beginnings(test);
  endings(test);
  t.test("the device is given back", closeDevice);
});
