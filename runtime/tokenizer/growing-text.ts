/** The text of tokens that come one after the other: each is decoded with those before it that may still change what it means. */

export interface GrowingText {
  /** The text that one more token adds, as far as later ones do not change it. */
  readonly add: (id: number) => string;
  /** What is left when no more tokens come: half a character, say. */
  readonly rest: () => string;
}

/**
 * Behind tokens that have a text already. How a token is decoded depends on whether it is the first, and on bytes of a character in the tokens
 * before: so the last tokens that had a text of their own are decoded again with it.
 */
export function growingText(decode: (ids: readonly number[]) => string, begin: readonly number[]): GrowingText {
  let shown = begin;
  let added: readonly number[] = [];
  const grown = (): string => decode([...shown, ...added]).slice(decode(shown).length);
  return {
    add: (id) => {
      added = [...added, id];
      const text = grown();
      if (text === "" || text.endsWith("\ufffd")) return "";
      [shown, added] = [added, []];
      return text;
    },
    rest: grown,
  };
}
