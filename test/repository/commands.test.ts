/** What the README and the tour show is true: their commands run, and print what stands below them. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { check } from "../../compiler/check.ts";
import { suite } from "../harness/suite.ts";
import { hostWith } from "../language/run.ts";
import { type Block, blocksOf, folder, read, shell } from "./documents.ts";

/** The commands of a block, each with what it prints if the block shows that. */
function commandsOf({ language, text }: Block): readonly { readonly command: string; readonly shown?: string }[] {
  const lines = text.trimEnd().split("\n");
  if (language === "sh") return lines.map((command) => ({ command }));
  const starts = lines.flatMap((line, i) => (line.startsWith("$ ") ? [i] : []));
  return starts.map((start, i) => ({
    command: lines[start]?.slice(2) ?? "",
    shown: lines.slice(start + 1, starts[i + 1] ?? lines.length).join("\n"),
  }));
}

for (const page of ["README.md", "docs/tour.md"])
  suite(page, ({ test }) => {
    for (const block of blocksOf(page)) {
      const { language, note, text } = block;
      const file = /^file: (.+)/.exec(note)?.[1];
      if (file !== undefined) test(`${file} is written`, () => writeFileSync(join(folder, file), text));
      if ((language !== "sh" && language !== "console") || note.startsWith("not run: ")) continue;
      const expected = Number(/^ends with (\d+)/.exec(note)?.[1] ?? 0);
      for (const { command, shown } of commandsOf(block))
        test(command, () => {
          const { status, output } = shell(command);
          assert.is(status, expected, output);
          if (shown !== undefined) assert.is(unsized(output.trimEnd()), unsized(shown));
        });
    }
  });

suite("README.md, its recipes", ({ test }) => {
  test("the first is right", () => {
    const [first] = blocksOf("README.md");
    assert.equal(check(hostWith({ "own.lcomp": first?.text ?? "" }), "own.lcomp").problems, []);
  });
});

/** Without the numbers that are an adapter's: what a plan moves and takes. */
const unsized = (text: string): string => text.replace(/\b(computes|moves|at once:|memory,) [\d.]+/g, "$1 …");

/** The names of all fields in a JSON value; those of parameters are the recipe's. */
function keysIn(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap(keysIn);
  return Object.entries(value).flatMap(([key, each]) => [key, ...(key === "parameters" ? [] : keysIn(each))]);
}

/** What the commands above have made. */
suite("docs/plan.md", ({ test }) => {
  test("each key that plan prints, and each of the lock, is explained", () => {
    const { output } = shell("npx lcomp plan examples/first.lcomp --model examples/tiny --json");
    const sections = read("docs/plan.md").split(/^## /m);
    const titled = (title: string): string => sections.find((section) => section.startsWith(title)) ?? "";
    const [printed, lock] = [titled("What `lcomp plan --json` prints"), titled("The lock")];
    const explained = (text: string): ReadonlySet<string> =>
      new Set([...text.matchAll(/`(?:\w+\[\])?\.?(\w+)(?:\[\])?`/g)].map(([, key = ""]) => key));
    const missing = (keys: readonly string[], text: string) => keys.filter((key) => !explained(text).has(key));
    assert.equal(missing(keysIn(JSON.parse(output)), printed), []);
    const made: object = JSON.parse(readFileSync(join(folder, "out/again/lcomp.lock.json"), "utf8"));
    assert.equal(missing(Object.keys(made), lock), []);
  });
});
