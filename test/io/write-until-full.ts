// Child process of io-output.test.ts: writes a 2 MB tensor to the folder argv[2], above a limit that its parent has set.
// With argv[3] it takes 2 MB of the disk for another file once the space for the tensor has been found sufficient.

import { open } from "node:fs/promises";
import { writeFolder } from "./folder.ts";

const [path = "", other] = process.argv.slice(2);
await writeFolder(path, async (folder) => {
  const tensors = await folder.tensors([{ name: "w", dtype: "U8", shape: [2_000_000] }]);
  if (other !== undefined) {
    await using file = await open(other, "w");
    await file.write(new Uint8Array(2_000_000));
  }
  for (let at = 0; at < 2_000_000; at += 10_000) await tensors.write("w", new Uint8Array(10_000), at);
  await tensors.close();
}).catch((error: Error) => {
  console.log(`${error.name}: ${error.message}`);
  process.exitCode = 1;
});
