// nll.mjs FILE WINDOWS: the mean NLL of windows of token ids, a list of lists in JSON, by llama.cpp in the package beside this file.
import { readFileSync } from "node:fs";
import { getLlama } from "node-llama-cpp";

const [modelPath, path] = process.argv.slice(2);
const windows = JSON.parse(readFileSync(path, "utf8"));
const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, progressLogs: false, logLevel: "error" });
const model = await llama.loadModel({ modelPath, checkTensors: true });
const size = Math.max(...windows.map((ids) => ids.length));
const context = await model.createContext({ contextSize: size, batchSize: size, sequences: 1, flashAttention: false, threads: 1 });
const sequence = context.getSequence();
const losses = [];
for (const ids of windows) {
  await sequence.clearHistory();
  const seen = await sequence.controlledEvaluate(ids.map((id) => [id, { generateNext: { probabilities: true } }]));
  for (const [at, id] of ids.slice(1).entries()) losses.push(-Math.log(seen[at].next.probabilities.get(id)));
}
console.log(losses.reduce((sum, loss) => sum + loss, 0) / losses.length);
process.exit(0);
