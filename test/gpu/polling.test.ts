import * as assert from "uvu/assert";
import { calmPolling } from "../../runtime/gpu/polling.ts";
import { suite } from "../harness/suite.ts";

suite("polling", ({ test }) => {
  test("is as it was once all who slowed it down are done, in any order", () => {
    const original = globalThis.setImmediate;
    const [endFirst, endSecond] = [calmPolling(), calmPolling()];
    endFirst();
    endFirst();
    assert.is.not(globalThis.setImmediate, original);
    endSecond();
    assert.is(globalThis.setImmediate, original);
  });
});
