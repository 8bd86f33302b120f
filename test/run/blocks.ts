/** Runs the hand-made plan on a model of that many blocks: `node blocks.ts FOLDER LAYERS`. Its memory is measured from outside. */
import { join } from "node:path";
import { openDevice } from "../../runtime/gpu/device.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { writeFolder } from "../io/folder.ts";
import { handMadePlan, largeShape } from "./plan.ts";
import { runOnTokens } from "./tokens.ts";

const [folder = "", layers = "0"] = process.argv.slice(2);
const shape = largeShape(Number(layers));
const tokens = new Int32Array(4 * shape.length).fill(1);
const device = await openDevice();
const model = await openCheckpoint(join(folder, layers));
const plan = handMadePlan(shape, { threshold: 0.5, propagate: "compressed", windows: 4, tokens: tokens.length });
await writeFolder(join(folder, `${layers}-out`), (output) =>
  runOnTokens(device, plan, model, { test: tokens }, output),
);
device.close();
