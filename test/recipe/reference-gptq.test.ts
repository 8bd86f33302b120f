/** GPTQ as its authors' code has it, written in the language, gives what that code returns for one layer. */
import * as assert from "uvu/assert";
import { slotNames } from "../../compiler/graph/slots.ts";
import { suite } from "../harness/suite.ts";
import { filesOf, oracle, settingsOf, truth } from "./gptq-oracles.ts";
import { areThere, closeShared, columns, compressed, rows, shared } from "./oracle-layer.ts";
import { referenceGptq } from "./reference-gptq.ts";

suite("sweeps as their authors' code has them", ({ test, skip }) => {
  if (!areThere) skip("gptq gives its oracles", "../shared is absent");
  for (const file of filesOf("gptq"))
    test(`${file}: codes at least 99 % equal, output error at most 0.1 % above`, async () => {
      const { given, isStatic } = settingsOf(file);
      const method = { module: "reference.lcomp", name: "gptq", text: referenceGptq };
      const found = await compressed(method, new Map([...given, ["static_groups", truth(isStatic)]]));
      const made = found.get(slotNames.result) ?? new Float64Array();
      const { q, codeOf, error } = await oracle(file);
      const equal = made.filter((value, i) => codeOf(value, i) === q?.[i]).length;
      assert.ok(equal >= 0.99 * rows * columns, `${equal} of ${rows * columns} codes agree`);
      const { layer } = await shared();
      const ours = layer.outputError(made);
      assert.ok(ours <= 1.001 * error, `output error ${ours}, the oracle's ${error}`);
    });

  test("the device closes", closeShared);
});
