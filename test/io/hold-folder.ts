// Child process of io-output.test.ts: opens the folder argv[2], says how that went, and holds it until its input ends.
import { OutputFolder } from "../../runtime/io/output-folder.ts";
import { UserError } from "../../runtime/user-error.ts";

try {
  const folder = new OutputFolder(process.argv[2] ?? "");
  console.log("open");
  process.stdin.resume().on("end", () => folder.abort());
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.log(error.message);
}
