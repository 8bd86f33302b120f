/** What a module declares, as `lcomp list` and `lcomp doc` show it: read of its source, so that nothing can say otherwise. */
import type * as Ast from "../../grammar/ast.ts";
import { accepted } from "../../grammar/diagnostic.ts";
import { parse } from "../../grammar/parse.ts";
import { textAt } from "../../grammar/source.ts";
import { type Entry, translated } from "./host.ts";

/** A declaration of a module. */
export interface Documented {
  /** As an import has it: `std/prune/wanda`. */
  readonly module: string;
  readonly kind: Ast.Declaration["kind"];
  readonly name: string;
  /** What it is, and the paper that it comes from. */
  readonly doc: string;
  /** What stands above its module, for all that it declares. */
  readonly about: string;
  /** What it takes, with shapes, and what the parts of it are called, as its source says it. */
  readonly header: string;
}

/** The declarations of a module in the order of its source; undefined if there is no such module. */
export function documented({ host, module, shown }: Entry): readonly Documented[] | undefined {
  const file = host.read(module);
  if (file === undefined) return undefined;
  const { declarations } = translated(shown, () => accepted(parse(file)));
  const [above = ""] = /^(?:\/\/(?!\/).*\n)*/.exec(file.text) ?? [];
  const about = above.replace(/^\/\/ ?/gm, "").trimEnd();
  return declarations.map((each) => {
    const { kind, name, doc } = each;
    return { module, kind, name: name.text, doc, about, header: headerOf(each) };
  });
}

/** What a user of it must know: all but how it is computed. */
function headerOf(declared: Ast.Declaration): string {
  const { file, start } = declared.span;
  switch (declared.kind) {
    case "format":
      return textAt(declared.span);
    case "arch":
      return [
        textAt({ file, start, end: (declared.members[0] ?? declared).span.start }).trimEnd(),
        ...members(declared.members, 2),
        "}",
      ].join("\n");
    case "fn":
    case "method":
    case "optimizer":
    case "recipe":
    case "study":
      return textAt({ file, start, end: declared.body.span.start }).replace(/\s*=?\s*$/, "");
  }
}

/** Dimensions, tensors and layers, which selectors name; functions are how they are computed. */
function members(all: readonly Ast.ArchMember[], indent: number): readonly string[] {
  const pad = " ".repeat(indent);
  return all.flatMap((member) => {
    if (member.kind === "fn" || member.kind === "ignore") return [];
    if (member.kind !== "blocks") return [pad + textAt(member.span)];
    const { file, start } = member.span;
    const head = textAt({ file, start, end: (member.members[0] ?? member).span.start }).trimEnd();
    return [pad + head, ...members(member.members, indent + 2), `${pad}}`];
  });
}
