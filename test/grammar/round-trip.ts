/** What holds of all that `format` writes. */
import * as assert from "uvu/assert";
import type * as Ast from "../../grammar/ast.ts";
import { format } from "../../grammar/format.ts";
import { parse } from "../../grammar/parse.ts";
import { render } from "../../grammar/render.ts";

/** A tree without places, its fields in alphabetical order. */
const bare = (node: unknown): string =>
  JSON.stringify(node, (key, value: unknown) => {
    if (key === "span" || key === "file") return undefined;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });

/** The tree of a text that has no mistakes. */
export function read(text: string): Ast.Module {
  const { artifact, problems } = parse({ path: "formatted.lcomp", text });
  if (problems.length === 0) return artifact;
  throw new Error(`${problems.map((problem) => render(problem)).join("\n")}\n${text}`);
}

/** The canonical text has the tree and the comments of the module, and is its own canonical text. */
export function checkRoundTrip(module: Ast.Module): void {
  const text = format(module);
  const again = read(text);
  const trees = ({ imports, declarations }: Ast.Module): string => bare({ imports, declarations });
  assert.is(trees(again), trees(module), text);
  assert.equal(
    again.comments.map((comment) => comment.text),
    module.comments.map((comment) => comment.text),
    text,
  );
  assert.is(format(again), text, "formatting twice");
}
