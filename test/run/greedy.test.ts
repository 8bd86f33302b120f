/** Texts continued with what tokens see of each other kept, against those of others who continue greedily. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { openDevice } from "../../runtime/gpu/device.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { writeRow } from "../model/families.ts";
import { root } from "../repository/sources.ts";
import { continued, continuedTogether } from "./continue.ts";
import { reference, shared, sharedReason } from "./reference.ts";

interface Recorded {
  readonly versions: Readonly<Record<string, string>>;
  readonly prompt: readonly number[];
  readonly rows: readonly { readonly name: string; readonly ids: readonly number[] }[];
}

const { versions, prompt, rows }: Recorded = JSON.parse(readFileSync(join(root, "test/peers/greedy.json"), "utf8"));

const device = await openDevice();

suite("greedy: as NumPy continues", ({ test, skip }) => {
  for (const [model, chunk] of [
    ["stories260K", 16],
    ["babyllama361", 1],
    ["tiny", 2],
  ] as const) {
    const title = `${model}: 64 tokens, the prompt ${chunk === 1 ? "token by token" : `by ${chunk} tokens`}`;
    if (sharedReason !== null) skip(title, sharedReason);
    else
      test(title, async () => {
        const { prompt_ids: ids, greedy_ids_64: expected } = reference(model);
        const sizes = { capacity: ids.length + 63, chunk };
        assert.equal(await continued(device, join(shared, "models", model), ids, { ...sizes, tokens: 64 }), expected);
      });
  }
});

suite(`greedy: as Transformers ${versions["transformers"]} continues`, ({ test }) => {
  for (const { name, ids } of rows)
    test(
      name,
      inFolder(async (folder) => {
        writeRow(folder, name);
        const sizes = { capacity: 56, chunk: 4 };
        assert.equal(await continued(device, folder, prompt, { ...sizes, tokens: ids.length }), ids);
        const prompts = [prompt, prompt.slice(1), prompt.slice(0, 3), prompt];
        const asked = { ...sizes, tokens: ids.length, texts: 2 };
        const [first, , , last] = await continuedTogether(device, folder, prompts, asked);
        assert.equal([first, last], [ids, ids], "side by side with other texts");
      }),
    );

  test("the device is given back", () => device.close());
});
