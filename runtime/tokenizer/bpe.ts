/** Byte pair encoding: of all pairs of neighbours that have a merge, the one of least rank, the leftmost first, until none is left. */
import { UserError } from "../user-error.ts";
import { Ids } from "./ids.ts";
import { pairTable } from "./pairs.ts";
import { flag, list, optionalText, type Part, unsupported } from "./part.ts";
import { remembering } from "./remember.ts";
import { byteIds, idOf, type Model, type Vocabulary } from "./vocabulary.ts";
import { wordsOf } from "./words.ts";

interface Merges {
  /** The rank of a pair. */
  readonly rank: (left: number, right: number) => number | undefined;
  /** What a merge of a rank yields. */
  readonly results: Int32Array;
}

/** The model of a definition. */
export function bpeOf(part: Part, vocabulary: Vocabulary): Model {
  const dropout = part.fields["dropout"] ?? 0;
  if (dropout !== 0) throw unsupported(part, "a BPE that leaves out merges at random (dropout)");
  const prefix = optionalText(part, "continuing_subword_prefix") ?? "";
  const suffix = optionalText(part, "end_of_word_suffix") ?? "";
  const merges = mergesOf(part, vocabulary, prefix);
  const symbols = symbolsOf(part, vocabulary, prefix, suffix);
  const isWhole = flag(part, "ignore_merges", false);
  const merged = remembering((word) => mergeAll(symbols(word), merges));
  const words = wordsOf(vocabulary, isWhole || prefix !== "" || suffix !== "");
  return (piece, ids) => {
    const whole = isWhole ? vocabulary.get(piece) : undefined;
    if (whole !== undefined) ids.push(whole);
    else for (const word of words(piece)) ids.pushAll(merged(word));
  };
}

function mergesOf(part: Part, vocabulary: Vocabulary, prefix: string): Merges {
  const stored = list(part, "merges");
  const ranks = pairTable(stored.length);
  const results = new Int32Array(stored.length);
  for (const [rank, merge] of stored.entries()) {
    const pair: readonly unknown[] = typeof merge === "string" ? merge.split(" ") : Array.isArray(merge) ? merge : [];
    const [left, right] = pair;
    const ids =
      pair.length === 2 && typeof left === "string" && typeof right === "string"
        ? [left, right, left + right.slice(prefix.length)].map((token) => vocabulary.get(token))
        : [];
    const [leftId, rightId, result] = ids;
    if (leftId === undefined || rightId === undefined || result === undefined)
      throw new UserError(
        `${part.at}.merges[${rank}] in ${part.file} must join two tokens to a third, and is ${JSON.stringify(merge).slice(0, 60)}; save the tokenizer again`,
      );
    ranks.set(leftId, rightId, rank);
    results[rank] = result;
  }
  return { rank: ranks.get, results };
}

/** The ids of a word's characters: of their bytes where there is no token for one, else the unknown token. */
function symbolsOf(part: Part, vocabulary: Vocabulary, prefix: string, suffix: string): (word: string) => Int32Array {
  const unknown = idOf(vocabulary, optionalText(part, "unk_token"), part);
  const hasBytes = flag(part, "byte_fallback", false);
  const isFused = flag(part, "fuse_unk", false);
  const bytesOf = (symbol: string) => (hasBytes ? byteIds(vocabulary, symbol) : undefined);
  return (word) => {
    const ids = new Ids();
    let isPending = false; // an unknown token, which the next known one pushes before itself
    const settle = (): void => {
      if (isPending && unknown !== undefined) ids.push(unknown);
      isPending = false;
    };
    const wait = (): void => {
      if (!isFused) settle();
      isPending = true;
    };
    for (const symbol of symbolsIn(word, prefix, suffix)) {
      const id = vocabulary.get(symbol);
      const bytes = id === undefined ? bytesOf(symbol) : undefined;
      if (id !== undefined) {
        settle();
        ids.push(id);
      } else if (bytes !== undefined) ids.pushAll(bytes);
      else wait();
    }
    settle();
    return ids.taken();
  };
}

function* symbolsIn(word: string, prefix: string, suffix: string): Generator<string> {
  let end = 0;
  for (const character of word) {
    const start = end === 0 ? "" : prefix;
    end += character.length;
    yield end === word.length ? start + character + suffix : start + character;
  }
}

/** Symbols are a doubly linked list; a heap holds the places of pairs by rank and place, some of which no longer are. */
function mergeAll(symbols: Int32Array, { rank, results }: Merges): Int32Array {
  const count = symbols.length;
  const next = Int32Array.from(symbols, (_, i) => (i + 1 < count ? i + 1 : -1));
  const previous = Int32Array.from(symbols, (_, i) => i - 1);
  const heap = new Heap();
  const rankAt = (place: number): number | undefined => {
    const right = next[place] ?? -1;
    return right < 0 ? undefined : rank(symbols[place] ?? -1, symbols[right] ?? -1);
  };
  const offer = (place: number): void => {
    const found = place < 0 ? undefined : rankAt(place);
    if (found !== undefined) heap.push(found * places + place);
  };
  for (let place = 0; place < count; place++) offer(place);
  for (let top = heap.pop(); top !== undefined; top = heap.pop()) {
    const place = top % places;
    const found = (top - place) / places;
    if (symbols[place] === gone || rankAt(place) !== found) continue;
    const right = next[place] ?? -1;
    const after = next[right] ?? -1;
    symbols[place] = results[found] ?? gone;
    symbols[right] = gone;
    next[place] = after;
    next[right] = -1;
    if (after >= 0) previous[after] = place;
    offer(previous[place] ?? -1);
    offer(place);
  }
  return symbols.filter((symbol) => symbol !== gone);
}

const gone = -1;
/** More than there are places in a text. */
const places = 2 ** 31;

/** Numbers, the least first. */
class Heap {
  readonly #items: number[] = [];

  push(item: number): void {
    const items = this.#items;
    let at = items.length;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = items[parent] ?? 0;
      if (above <= item) break;
      items[at] = above;
      at = parent;
    }
    items[at] = item;
  }

  pop(): number | undefined {
    const items = this.#items;
    const least = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return least;
    let at = 0;
    for (let child = 1; child < items.length; child = 2 * at + 1) {
      if ((items[child + 1] ?? Number.POSITIVE_INFINITY) < (items[child] ?? 0)) child += 1;
      const below = items[child] ?? 0;
      if (last <= below) break;
      items[at] = below;
      at = child;
    }
    items[at] = last;
    return least;
  }
}
