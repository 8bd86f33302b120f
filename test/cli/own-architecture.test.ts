/** `--arch`: an architecture of one's own, in a file, before those of the library. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "../harness/suite.ts";
import { root } from "../repository/sources.ts";
import { lcomp } from "./lcomp.ts";

const near = `import { llama } from "std/arch/llama"
import { tokens } from "./parts/window.lcomp"

arch nearsighted from llama for "LlamaForCausalLM" {
  blocks layer: config.num_hidden_layers at "model.layers.{layer}" {
    fn window() = tokens()
  }
}
`;

suite("cli: an architecture of one's own", ({ test }) => {
  const folder = mkdtempSync(join(tmpdir(), "lcomp-arch-"));
  const [text, own, parts] = [join(folder, "text.jsonl"), join(folder, "near.lcomp"), join(folder, "parts")];
  mkdirSync(parts);
  writeFileSync(text, `${JSON.stringify({ text: "the river the river the river the river ".repeat(8) })}\n`);
  writeFileSync(own, near);
  const window = (tokens: number): void => writeFileSync(join(parts, "window.lcomp"), `fn tokens() = ${tokens}\n`);
  const model = join(root, "examples/tiny");

  function nll(...flags: readonly string[]): number {
    const { status, stdout, stderr } = lcomp(root, [
      "eval",
      model,
      "--text",
      text,
      "--length",
      "32",
      "--json",
      ...flags,
    ]);
    assert.is(status, 0, stderr);
    return JSON.parse(stdout).mean_nll;
  }

  test("comes before the library's, with the modules beside it", () => {
    window(32);
    assert.is(nll("--arch", own), nll());
    window(1);
    assert.ok(Math.abs(nll("--arch", own) - nll()) > 0.01);
  });

  test("what is wrong with it is said with its place", () => {
    writeFileSync(join(parts, "window.lcomp"), "fn tokens() = 8 + x\n");
    const { status, stderr } = lcomp(root, [
      "plan",
      join(root, "examples/first.lcomp"),
      "--model",
      model,
      "--arch",
      own,
    ]);
    assert.is(status, 1);
    assert.match(stderr, /there is no value `x`[\s\S]*parts\/window\.lcomp:1:19/);
  });

  test("a file without one is refused", () => {
    const { status, stderr } = lcomp(root, ["eval", model, "--text", text, "--arch", join(parts, "window.lcomp")]);
    assert.is(status, 2);
    assert.match(stderr, /window\.lcomp declares no architecture/);
  });

  test("the folder is given back", () => rmSync(folder, { recursive: true }));
});
