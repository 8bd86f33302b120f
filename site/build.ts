/**
 * `npm run site`: the documentation as pages that need no server: what `docs/` says, the library as its sources have it, and the messages.
 *
 *   build.ts [FOLDER]    out/site where it is not given
 */
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeWhole } from "../runtime/io/whole-file.ts";
import { page } from "./layout.ts";
import { root, site } from "./pages.ts";

const folder = process.argv[2] ?? join(root, "out/site");
const { pages, files } = site();
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const each of pages) writeWhole(join(folder, each.path), page(each, pages));
for (const file of files) {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  cpSync(join(root, file), join(folder, file));
}
process.stdout.write(`${pages.length} pages and ${files.length} files: ${join(folder, "index.html")}\n`);
