/** Which numbers decide whether a value is finite. */
import { greatest } from "../plan/dtype.ts";
import { coneOf } from "./cone.ts";
import type { Node } from "./ops.ts";
import { type Range, rangesIn } from "./range.ts";

/** Where all of these are finite, so is the value, and only there; its magnitude is then at most `most`. */
interface Deciding {
  readonly by: ReadonlySet<Node>;
  readonly most: number;
}

/**
 * The nodes of which an element of the value is NaN or infinite where one of theirs is: of codes times a scale the scale, since
 * what is bounded decides nothing. None: it is always finite.
 */
export function decidingFinite(node: Node): ReadonlySet<Node> {
  const [known, ranges] = [new Map<Node, Deciding>(), rangesIn(node)];
  const of = (x: Node): Deciding => known.get(x) ?? byItself(x);
  for (const each of coneOf([node])) known.set(each, bounded(ranges.get(each)) ?? combined(each, of));
  return of(node).by;
}

const byItself = (node: Node): Deciding => ({ by: new Set([node]), most: greatest(node.type.dtype) });

function bounded(range: Range | undefined): Deciding | undefined {
  if (range === undefined || range.hasNaN) return undefined;
  const most = Math.max(Math.abs(range.low), Math.abs(range.high));
  return most <= greatest("f32") ? { by: new Set(), most } : undefined;
}

function combined(node: Node, of: (x: Node) => Deciding): Deciding {
  const [a, b] = node.inputs.map(of);
  if (a === undefined || node.type.dtype !== "f32") return byItself(node);
  switch (node.op) {
    case "cast":
    case "neg":
      return a;
    case "mul":
      return within(node, [a, b ?? a], (x, y) => x * y);
    case "add":
    case "sub":
      return within(node, [a, b ?? a], (x, y) => x + y);
    default:
      return byItself(node);
  }
}

/** What decides both, unless finite values could make an infinite one. */
function within(node: Node, [a, b]: readonly [Deciding, Deciding], most: (x: number, y: number) => number): Deciding {
  const together = most(a.most, b.most);
  return together <= greatest("f32") ? { by: new Set([...a.by, ...b.by]), most: together } : byItself(node);
}
