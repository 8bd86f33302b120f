/** Ways through a tree that do not depend on what its nodes are. */
import type * as Ast from "./ast.ts";

/** Every expression of a part of a tree, in the order of the text, those that contain others first. */
export function* expressionsIn(part: object): Iterable<Ast.Expression> {
  if ("kind" in part) yield part as Ast.Expression;
  for (const [key, child] of Object.entries(part)) {
    if (key === "span") continue;
    for (const each of [child].flat()) if (typeof each === "object" && each !== null) yield* expressionsIn(each);
  }
}
