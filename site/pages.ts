/** All pages, and the files that they lead to. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import type { Html } from "../runtime/cli/page/html.ts";
import { anchorsIn, type Link, linksIn, set } from "./markdown.ts";
import { libraryPages, messages } from "./reference.ts";

export const root = join(import.meta.dirname, "..");

export interface Page {
  /** Its file: `language.html`. */
  readonly path: string;
  readonly title: string;
  /** Under which it stands in the list of pages; null where another page leads to it. */
  readonly group: "Begin" | "How to" | "Reference" | null;
  readonly body: Html;
}

/** Documents by the pages that they become. */
const documents: readonly Readonly<{ file: string; path: string; title: string; group: Page["group"] }>[] = [
  { file: "README.md", path: "index.html", title: "lcomp", group: "Begin" },
  { file: "docs/tour.md", path: "tour.html", title: "A first hour", group: "Begin" },
  { file: "docs/composing.md", path: "composing.html", title: "Composing", group: "How to" },
  { file: "docs/architectures.md", path: "architectures.html", title: "Architectures", group: "How to" },
  { file: "docs/folders.md", path: "folders.html", title: "Folders", group: "How to" },
  { file: "docs/results.md", path: "results.html", title: "Results", group: "How to" },
  { file: "docs/language.md", path: "language.html", title: "The language", group: "Reference" },
  { file: "docs/plan.md", path: "plan.html", title: "Plans", group: "Reference" },
];

/** The pages and the files that they link to; throws where a link leads nowhere. */
export function site(): { readonly pages: readonly Page[]; readonly files: readonly string[] } {
  const files = new Set<string>();
  const written = documents.map(({ file, ...rest }): Page => {
    const follow: Link = (to) => {
      const [path = "", anchor] = to.split("#");
      const target = path === "" ? file : posix.normalize(posix.join(posix.dirname(file), path));
      const document = documents.find((each) => each.file === target || each.file === `${target}.md`);
      const place = anchor === undefined ? "" : `#${anchor}`;
      if (document) return document.path + place;
      if (!existsSync(join(root, target))) throw new Error(`${file} links to ${to}, which is not there`);
      if (statSync(join(root, target)).isDirectory()) return null;
      files.add(target);
      return target;
    };
    return { ...rest, body: set(readFileSync(join(root, file), "utf8"), follow) };
  });
  const pages = [...written, ...libraryPages(), messages()];
  requireLinks(pages, files);
  return { pages, files: [...files].sort() };
}

/** Every link within the site leads to a page and a place on it, or to a file. */
function requireLinks(pages: readonly Page[], files: ReadonlySet<string>): void {
  const anchors = new Map(pages.map(({ path, body }) => [path, anchorsIn(body)]));
  for (const { path, body } of pages)
    for (const to of linksIn(body)) {
      const [target, anchor] = to.split("#");
      const found = anchors.get(target === "" ? path : (target ?? ""));
      const isThere = found ? anchor === undefined || found.has(anchor) : files.has(target ?? "");
      if (!isThere) throw new Error(`${path} links to ${to}, which is not there`);
    }
}
