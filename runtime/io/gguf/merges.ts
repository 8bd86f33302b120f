/** The merges of byte pair encoding by scores: of all neighbours that make a token together, those of the greatest score go first. */

/** Merges in the order of their ranks, pairs of tokens; only tokens that are merged take part. */
export function mergesByScore(
  texts: readonly string[],
  scores: ArrayLike<number>,
  isMerged: (id: number) => boolean,
): readonly (readonly [left: string, right: string])[] {
  const ids = new Map(texts.map((text, id) => [text, id] as const).filter(([, id]) => isMerged(id)));
  const found: { readonly left: string; readonly right: string; readonly score: number }[] = [];
  for (const [text, id] of ids)
    for (const [left, right] of halvesOf(text, ids)) found.push({ left, right, score: scores[id] ?? 0 });
  found.sort((a, b) => b.score - a.score || b.left.length - a.left.length || b.right.length - a.right.length);
  return found.map(({ left, right }) => [left, right]);
}

/** The pairs of tokens that a token can be made of, in the order of their ids. */
function halvesOf(text: string, ids: ReadonlyMap<string, number>): readonly (readonly [string, string])[] {
  const pairs: { readonly halves: readonly [string, string]; readonly left: number; readonly right: number }[] = [];
  for (let at = 1; at < text.length; at++) {
    const halves = [text.slice(0, at), text.slice(at)] as const;
    const [left, right] = halves.map((half) => ids.get(half));
    if (left !== undefined && right !== undefined) pairs.push({ halves, left, right });
  }
  return pairs.sort((a, b) => a.left - b.left || a.right - b.right).map(({ halves }) => halves);
}
