import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Arrangement } from "../../runtime/io/arrangement.ts";
import { withFile } from "../../runtime/io/file.ts";
import { randomBelow } from "../../runtime/io/random.ts";
import type { StoredTensor } from "../../runtime/io/safetensors.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "./folder.ts";
import { readRange, readTensor } from "./tensors.ts";

/** What is asked for as 0, 1, 2 …, in the order in which a file has it. */
const orders: readonly (readonly [arrangement: Arrangement, shape: readonly number[], stored: readonly number[]])[] = [
  [{ kind: "regrouped", groups: 2, parts: 2, run: 1 }, [8], [0, 2, 1, 3, 4, 6, 5, 7]],
  [{ kind: "regrouped", groups: 2, parts: 3, run: 1 }, [6, 2], [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11]],
  [{ kind: "regrouped", groups: 2, parts: 3, run: 2 }, [12], [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11]],
  [{ kind: "transposed" }, [2, 3], [0, 3, 1, 4, 2, 5]],
  [{ kind: "above-by-one" }, [5], [1, 2, 3, 4, 5]],
];

suite("tensors that lie in another order", ({ test }) => {
  for (const [arrangement, shape, stored] of orders)
    test(
      `${JSON.stringify(arrangement)}, [${shape.join(", ")}]: any part is that part of the whole`,
      inFolder(async (folder) => {
        const path = join(folder, "w");
        writeFileSync(path, Buffer.concat([Buffer.alloc(12), Buffer.from(Float32Array.from(stored).buffer)]));
        const { stamp } = await withFile(path, async (file) => file);
        const bytes = 4 * stored.length;
        const tensor: StoredTensor = { name: "w", dtype: "F32", shape, path, offset: 12, bytes, stamp, arrangement };
        const whole = await readTensor(tensor);
        assert.equal([...new Float32Array(whole.buffer)], [...stored.keys()]);
        for (let i = 0; i < 40; i++) {
          const [a, b] = [2 * i, 2 * i + 1].map((draw) => 4 * randomBelow(stored.length + 1, 3, draw)) as [
            number,
            number,
          ];
          const [start, end] = [Math.min(a, b), Math.max(a, b)];
          assert.equal(await readRange(tensor, start, end), whole.slice(start, end));
        }
      }),
    );

  test(
    "a matrix that is larger than what is read at once is turned round whole",
    inFolder(async (folder) => {
      const path = join(folder, "w");
      const [rows, columns] = [700, 500];
      const stored = Float32Array.from(
        { length: rows * columns },
        (_, at) => (at % rows) * columns + Math.floor(at / rows),
      );
      writeFileSync(path, stored);
      const { stamp } = await withFile(path, async (file) => file);
      const place = { path, offset: 0, bytes: stored.byteLength, stamp };
      const arrangement = { kind: "transposed" } as const;
      const whole = await readTensor({ name: "w", dtype: "F32", shape: [rows, columns], ...place, arrangement });
      assert.ok(new Float32Array(whole.buffer).every((value, at) => value === at));
      const halves = { ...place, bytes: 12, shape: [2, 3], arrangement };
      writeFileSync(path, Uint16Array.of(0, 3, 1, 4, 2, 5));
      const { stamp: other } = await withFile(path, async (file) => file);
      const found = await readRange({ name: "w", dtype: "F16", ...halves, stamp: other }, 4, 12);
      assert.equal([...new Uint16Array(found.buffer)], [2, 3, 4, 5]);
    }),
  );
});
