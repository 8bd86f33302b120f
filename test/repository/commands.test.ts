/** What the README and the tour show is true: their commands run, and print what stands below them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { check } from "../../compiler/compile.ts";
import { suite } from "../harness/suite.ts";
import { hostWith } from "../language/run.ts";
import { type Block, blocksOf, folder, shell } from "./documents.ts";

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
