import * as assert from "uvu/assert";
import { pieceBytes } from "../../compiler/plan/slots.ts";
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

  test(
    "a tensor of several pieces comes in order, whole, from wherever it is asked for",
    inFolder(async (folder) => {
      const bytes = pieceBytes + 2 ** 20 + 12;
      const data = new Uint8Array(new Uint32Array(bytes / 4).map((_, i) => i).buffer);
      const entry = { dtype: "F32", shape: [bytes / 4], data_offsets: [0, bytes] };
      const { tensors } = await readHeader(writeSafetensors(folder, { one: entry }, data));
      for (const [start, end] of [
        [0, bytes],
        [4, bytes - 4],
        [pieceBytes - 8, pieceBytes + 8],
      ] as const) {
        let next = start;
        for await (const { piece, at } of piecesOf((tensors as [StoredTensor])[0], start, end)) {
          assert.is(at, next);
          assert.is(Buffer.compare(piece, data.subarray(at, at + piece.byteLength)), 0);
          next += piece.byteLength;
        }
        assert.is(next, end);
      }
    }),
  );
});
