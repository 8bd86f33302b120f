/** Keys by their beginnings. */
interface Node {
  readonly children: Map<number, Node>;
  /** The value of the key that ends here. */
  value: number | undefined;
}

export interface PrefixTree {
  /** Calls `each` for every key that the text has at a place, the shortest first, with its end and its value. */
  readonly prefixes: (text: string, at: number, each: (end: number, value: number) => void) => void;
}

/** A tree over keys and values; of equal keys the last counts. */
export function prefixTree(entries: Iterable<readonly [key: string, value: number]>): PrefixTree {
  const root: Node = { children: new Map(), value: undefined };
  for (const [key, value] of entries) {
    let node = root;
    for (let i = 0; i < key.length; i++) {
      const unit = key.charCodeAt(i);
      let child = node.children.get(unit);
      if (child === undefined) {
        child = { children: new Map(), value: undefined };
        node.children.set(unit, child);
      }
      node = child;
    }
    node.value = value;
  }
  return {
    prefixes: (text, at, each) => {
      let node = root.children.get(text.charCodeAt(at));
      for (let end = at + 1; node !== undefined; end++) {
        if (node.value !== undefined) each(end, node.value);
        node = node.children.get(text.charCodeAt(end));
      }
    },
  };
}
