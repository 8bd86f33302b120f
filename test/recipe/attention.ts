/** Attention over tokens that have places, as a graph. */
import type { Graph } from "../../compiler/graph/graph.ts";
import type { Node } from "../../compiler/graph/ops.ts";
import { dot, words } from "../fuse/sketch.ts";

type Words = ReturnType<typeof words>;
export type Mask = (w: Words, seen: Node, token: Node) => Node;

export const causal: Mask = (w, seen, token) => w.op("lessEqual", seen, token);

/** Over `length` tokens with positions and a mask; `lowest` is what a masked score is. */
export function attention(length: number, mask: Mask, lowest = -1e38): Graph {
  const w = words("attention");
  const x = w.data("x", { token: length, model: 3 });
  const token = w.index("token", length);
  const placed = w.op("add", x, w.op("mul", w.cast(token, "f32"), 0.25));
  const keys = w.rename(placed, "token", "seen");
  const score = dot(w, placed, keys, "model");
  const masked = w.op("select", mask(w, w.index("seen", length), token), score, w.constant(lowest));
  const e = w.op("exp", w.op("sub", masked, w.reduce("max", masked, "seen")));
  const share = w.op("div", e, w.reduce("sum", e, "seen"));
  const values = w.rename(w.op("mul", x, x), "token", "seen");
  return w.graph({ x: w.op("add", x, dot(w, share, values, "seen")) });
}

const window: Mask = (w, seen, token) =>
  w.op("and", causal(w, seen, token), w.op("less", token, w.op("add", seen, w.constant(3, "i32"))));
const notLater: Mask = (w, seen, token) => w.op("not", w.op("less", token, seen));

/** Masks that let no token see a later one, by what they are called. */
export const masks: Readonly<Record<string, Mask>> = { causal, window, notLater };
