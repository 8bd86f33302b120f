// Child process of io-output.test.ts: writes to the folder argv[2] until it is interrupted.
import { OutputFolder } from "../../runtime/io/output-folder.ts";

const [path = ""] = process.argv.slice(2);
const folder = new OutputFolder(path);
process.on("SIGINT", () => {
  folder.abort();
  process.exit(130);
});
const count = 1_000_000_000;
const tensors = await folder.tensors([{ name: "w", dtype: "U8", shape: [count] }], { limit: count });
for (let at = 0; at < count; at += 100_000) {
  await tensors.write("w", new Uint8Array(100_000), at);
  await folder.write(`note-${at % 7}`, "in the middle");
  if (at === 0) console.log("writing");
}
