import * as assert from "uvu/assert";
import { readHeader, type StoredTensor } from "../../runtime/io/safetensors.ts";
import { piecesOf } from "../../runtime/store/send-tensor.ts";
import { suite } from "../harness/suite.ts";
import { inFolder, writeSafetensors } from "../io/folder.ts";

suite("store: stored tensors", ({ test }) => {
  test(
    "two tensors that are read at once keep their own bytes",
    inFolder(async (folder) => {
      const entry = (start: number) => ({ dtype: "F32", shape: [1], data_offsets: [start, start + 4] });
      const data = Uint8Array.of(1, 1, 1, 1, 2, 2, 2, 2);
      const { tensors } = await readHeader(writeSafetensors(folder, { one: entry(0), two: entry(4) }, data));
      const [one, two] = tensors as [StoredTensor, StoredTensor];
      for (let again = 0; again < 2; again++) {
        const [a, b] = [piecesOf(one), piecesOf(two)];
        const [first, second] = [await a.next(), await b.next()];
        assert.equal([...(first.value?.piece ?? [])], [1, 1, 1, 1]);
        assert.equal([...(second.value?.piece ?? [])], [2, 2, 2, 2]);
        for (const each of [a, b]) assert.is((await each.next()).done, true);
      }
    }),
  );
});
