import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { StoredTensor } from "../runtime/io/safetensors.ts";
import { pieces } from "../runtime/run/weights.ts";
import { suite } from "./harness.ts";
import { inFolder } from "./io/folder.ts";

suite("run: weights", ({ test }) => {
  test(
    "two tensors that are read at once keep their own bytes",
    inFolder(async (folder) => {
      const path = join(folder, "bytes");
      writeFileSync(path, Uint8Array.of(1, 1, 1, 1, 2, 2, 2, 2));
      const tensor = (offset: number): StoredTensor => ({
        name: `${offset}`,
        dtype: "F32",
        shape: [1],
        path,
        offset,
        bytes: 4,
      });
      for (let again = 0; again < 2; again++) {
        const [a, b] = [pieces(tensor(0)), pieces(tensor(4))];
        const [first, second] = [await a.next(), await b.next()];
        assert.equal([...(first.value?.piece ?? [])], [1, 1, 1, 1]);
        assert.equal([...(second.value?.piece ?? [])], [2, 2, 2, 2]);
        for (const each of [a, b]) assert.is((await each.next()).done, true);
      }
    }),
  );
});
