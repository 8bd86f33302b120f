// tokens.mjs FILE TEXTS: the token ids of each of a list of texts in JSON, as a list of lists, by llama.cpp in the package beside this file.
import { readFileSync } from "node:fs";
import { getLlama } from "node-llama-cpp";

const [modelPath, path] = process.argv.slice(2);
const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, progressLogs: false, logLevel: "error" });
const model = await llama.loadModel({ modelPath, vocabOnly: true });
const ids = JSON.parse(readFileSync(path, "utf8")).map((text) => model.tokenize(text, true));
process.stdout.write(JSON.stringify(ids), () => process.exit(0));
