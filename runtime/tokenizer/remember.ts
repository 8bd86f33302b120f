/** Words repeat: what was made of one is not made again. */

const longest = 64;
const most = 2 ** 16;

/** A function that remembers what it has made of short texts, as long as there are not too many. */
export function remembering<T>(of: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    const made = of(text);
    if (text.length <= longest) {
      if (known.size === most) known.clear();
      known.set(text, made);
    }
    return made;
  };
}
