/** Files are hashed as they are written. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { sha256 } from "../../runtime/io/hash.ts";
import { filesIn } from "../../runtime/io/lock.ts";
import type { OutputFolder } from "../../runtime/io/output-folder.ts";
import { declaredBytes } from "../../runtime/io/safetensors-writer.ts";
import { suite } from "../harness/suite.ts";
import { inFolder, writeFolder } from "./folder.ts";
import { declarations } from "./tensors.ts";

/** Writes all tensors as they lie in the files, or from the last on. */
async function writeAll(output: OutputFolder, limit: number, isInOrder: boolean): Promise<void> {
  const { order, bytes, write, close } = await output.tensors(declarations, { limit });
  assert.equal([[...order].sort(), bytes], [["a", "b", "c", "d"], 159]);
  const contents = new Map<string, Uint8Array>(
    declarations.map((each, i) => [each.name, new Uint8Array(declaredBytes(each)).fill(i + 1)]),
  );
  for (const name of isInOrder ? order : order.toReversed()) await write(name, contents.get(name) ?? new Uint8Array());
  await close();
}

suite("io: hash", ({ test }) => {
  for (const limit of [60, 159])
    for (const isInOrder of [false, true])
      test(
        `the hash of each file is that of its bytes, ${isInOrder ? "in" : "against"} their order, in files of ${limit} bytes`,
        inFolder((folder) =>
          writeFolder(join(folder, "out"), async (output) => {
            await writeAll(output, limit, isInOrder);
            await output.write("deep/ä.txt", "ä\u0000");
            const hashes = output.hashes();
            assert.equal(Object.keys(hashes), filesIn(output.partial).sort());
            for (const [name, hash] of Object.entries(hashes))
              assert.is(hash, sha256(readFileSync(join(output.partial, name))), name);
          }),
        ),
      );
});
