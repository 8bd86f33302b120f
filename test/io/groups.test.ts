import * as assert from "uvu/assert";
import { fromGroups, type Groups, toGroups } from "../../runtime/io/groups.ts";
import { suite } from "../harness/suite.ts";

/** Of all widths, at even and at odd places; more than are moved at once. */
const all: readonly Groups[] = [
  { start: 0, width: 2, stride: 18 },
  { start: 2, width: 16, stride: 18 },
  { start: 1, width: 3, stride: 7 },
  { start: 4, width: 12, stride: 144 },
  { start: 0, width: 5, stride: 5 },
];

suite("groups of bytes", ({ test }) => {
  for (const groups of all)
    test(`${groups.width} of every ${groups.stride} bytes, moved in pieces, each byte to its place`, () => {
      const count = 5000;
      const together = Uint8Array.from({ length: groups.width * count }, (_, i) => 1 + (i % 251));
      const apart = new Uint8Array(groups.stride * count);
      const read = new Uint8Array(together.byteLength);
      for (const length of [1, groups.width, groups.width + 1, 9973, together.byteLength])
        for (let at = 0; at < together.byteLength; at += length)
          toGroups(together.subarray(at, at + length), at, apart, groups);
      const placed = apart.map((_, i) => {
        const inside = (i % groups.stride) - groups.start;
        const at = Math.floor(i / groups.stride) * groups.width + inside;
        return inside < 0 || inside >= groups.width ? 0 : (together[at] ?? 0);
      });
      assert.equal(apart, placed);
      for (let at = 0; at < read.byteLength; at += 1009) fromGroups(apart, groups, read.subarray(at, at + 1009), at);
      assert.equal(read, together);
    });
});
