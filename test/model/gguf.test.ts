/** GGUF files as llama.cpp's converter writes them of folders (test/peers/gguf_files.py): they are those folders again. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import type { StoredTensor } from "../../runtime/io/safetensors.ts";
import { lcomp } from "../cli/lcomp.ts";
import { suite } from "../harness/suite.ts";
import { readTensor } from "../io/tensors.ts";
import { root } from "../repository/sources.ts";
import { convertedFiles, type FileRow, testConverted, writeConverted } from "./converted.ts";

const folder = mkdtempSync(join(tmpdir(), "lcomp-gguf-"));

suite("the example as a GGUF file of llama.cpp's converter", ({ test }) => {
  test("it gives the loss of its folder, and a result that is a folder with the same weights", async () => {
    const tiny = await openCheckpoint(join(root, "examples/tiny"));
    const row = convertedFiles.rows.find(({ name }) => name === "tiny") as FileRow;
    const path = await writeConverted(folder, row, async (name) => {
      const tensor = tiny.tensors.get(name) as StoredTensor;
      const bytes = await readTensor(tensor);
      return tensor.shape.length > 1 ? bytes : widened(bytes);
    });
    const text = join(folder, "some.jsonl");
    const lines = readFileSync(join(root, "examples/world/test.jsonl"), "utf8").split("\n").slice(0, 12);
    writeFileSync(text, lines.join("\n"));
    const evaluated = (model: string): number => {
      const { stdout, stderr } = lcomp(root, ["eval", model, "--text", text, "--length", "128", "--json", "--quiet"]);
      assert.match(stdout, /mean_nll/, stderr);
      return JSON.parse(stdout).mean_nll;
    };
    assert.is(evaluated(path), evaluated(join(root, "examples/tiny")));
    writeFileSync(join(folder, "half.lcomp"), recipe);
    const out = join(folder, "out");
    const ran = lcomp(folder, ["run", "half.lcomp", "--model", path, "--out", out, "--quiet", "--json"]);
    assert.is(ran.status, 0, ran.stderr);
    assert.ok(JSON.parse(ran.stdout).left_behind.includes(join(path, "general.name")), ran.stdout);
    const made = await openCheckpoint(out);
    assert.equal(made.companions, ["generation_config.json", "tokenizer.json", "tokenizer_config.json"]);
    cpSync(join(root, "examples/tiny"), join(folder, "tiny"), { recursive: true });
    lcomp(folder, ["run", "half.lcomp", "--model", "tiny", "--out", "other", "--quiet"]);
    const other = await openCheckpoint(join(folder, "other"));
    for (const [name, tensor] of other.tensors) {
      const expected = await readTensor(tensor);
      const found = await readTensor(made.tensors.get(name) as StoredTensor);
      assert.equal(Buffer.from(found), Buffer.from(tensor.shape.length > 1 ? expected : widened(expected)), name);
    }
    assert.is(evaluated(out), evaluated(join(folder, "other")));
  });

  test("the folder is given back", () => rmSync(folder, { recursive: true }));
});

const widened = (half: Uint8Array): Uint8Array =>
  new Uint8Array(Float32Array.from(new Float16Array(half.slice().buffer)).buffer);

const recipe = `import { magnitude } from "std/prune/magnitude"

recipe half(model: Model) {
  stage sparse = magnitude(50%) of model for linear except lm_head
  save sparse as "huggingface"
}
`;

await testConverted("GGUF files of llama.cpp's converter", (family) => /^(llama|qwen[23]|gemma3|gpt2)$/.test(family));
