// Child process of store-folder.test.ts: opens the store argv[2], records a step in it, says so, and holds it until it is killed.
import { StoreFolder } from "../../runtime/store/store-folder.ts";
import { UserError } from "../../runtime/user-error.ts";
import { recordStep } from "./steps.ts";

try {
  const store = new StoreFolder(process.argv[2] ?? "");
  await recordStep(store, "of a child", new Uint8Array(Number(process.argv[3] ?? 8)));
  console.log("open");
  setInterval(() => undefined, 1000);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.log(error.message);
}
