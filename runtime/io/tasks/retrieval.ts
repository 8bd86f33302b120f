/**
 * Questions about a fact that stands in a long context, as "needle in a haystack" asks them: whole sentences of another text stand around the
 * fact, and all has a length to the token.
 */
import { UserError } from "../../user-error.ts";
import { documents } from "../corpus.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { type EncodedItem, encodeChoice, tokensOf } from "./choice.ts";
import type { Item } from "./items.ts";
import { withoutEnd } from "./text-rules.ts";

/** Where facts are to stand. */
export interface Around {
  /** The text whose sentences stand around: a file, or a folder with its `test` part. */
  readonly filler: string;
  /** How many tokens a query and its longest choice have together; by default a quarter, half and all of what the model reads, at most 2048. */
  readonly lengths?: readonly number[];
  /** The shares of the filler that stand before the fact. */
  readonly depths: readonly number[];
}

/** A length and a depth, at which so many of the encoded items stand, behind those of the cells before it. */
export interface Cell {
  readonly length: number;
  readonly depth: number;
  readonly items: number;
}

interface Encoder extends Pick<Tokenizer, "encode" | "opening" | "head"> {}

/** Where no length is asked for, and the model does not say how much it reads, this is taken for it. */
const usualContext = 2048;

/** As much of a filler is read as so many characters. */
const mostFiller = 2 ** 24;

/** Each item at each length and each depth, cell by cell; `onItem` hears the line of each. */
export async function encodeAround(
  items: readonly Item[],
  { filler, lengths, depths }: Around,
  {
    path,
    way,
    context,
    tokenizer,
  }: {
    readonly path: string;
    readonly way: string;
    readonly context: number | null;
    readonly tokenizer: Encoder;
  },
  onItem: (line: number) => void,
): Promise<{ readonly items: readonly EncodedItem[]; readonly cells: readonly Cell[] }> {
  const longest = Math.min(context ?? usualContext, usualContext);
  const asked = lengths ?? [longest >> 2, longest >> 1, longest];
  const tooLong = asked.find((length) => length > (context ?? Number.POSITIVE_INFINITY));
  if (tooLong !== undefined)
    throw new UserError(`${tooLong} tokens are asked for, and the model reads ${context} at once; ask for fewer`);
  const text = fillerOf(filler, await sentencesOf(filler), tokenizer);
  const questions = items.map((item) => questionOf(item, `${path}, line ${item.line},`, way, tokenizer));
  const found: EncodedItem[] = [];
  for (const length of asked)
    for (const depth of depths)
      for (const [i, question] of questions.entries()) {
        onItem(question.line);
        const end = Math.floor(((i + 1) * text.count) / questions.length);
        found.push(placed(question, { length, depth, end }, text, tokenizer));
      }
  return {
    items: found,
    cells: asked.flatMap((length) => depths.map((depth) => ({ length, depth, items: items.length }))),
  };
}

/** The sentences of a text, as Unicode divides it (UAX 29), without line ends. */
async function sentencesOf(path: string): Promise<readonly string[]> {
  const segmenter = new Intl.Segmenter("en", { granularity: "sentence" });
  const found: string[] = [];
  let characters = 0;
  for await (const document of documents(path, "test")) {
    for (const { segment } of segmenter.segment(document.replace(/\s+/g, " ")))
      if (segment.trim() !== "") found.push(segment.trim());
    characters += document.length;
    if (characters > mostFiller) break;
  }
  if (found.length === 0) throw new UserError(`${path} is empty; give a text`);
  return found;
}

interface Filler {
  readonly path: string;
  readonly count: number;
  /** The sentence at a place; before the first come the last ones. */
  readonly at: (place: number) => string;
  /** How many tokens it has behind the one before it. */
  readonly size: (place: number) => number;
}

function fillerOf(path: string, sentences: readonly string[], tokenizer: Encoder): Filler {
  const count = sentences.length;
  const placeOf = (place: number): number => ((place % count) + count) % count;
  const at = (place: number): string => sentences[placeOf(place)] ?? "";
  const sizes = new Map<number, number>();
  const size = (place: number): number => {
    const known = sizes.get(placeOf(place));
    if (known !== undefined) return known;
    const before = at(place - 1);
    const found = tokensOf(`${before} ${at(place)}`, tokenizer).length - tokensOf(before, tokenizer).length;
    sizes.set(placeOf(place), found);
    return found;
  };
  return { path, count, at, size };
}

interface Question {
  readonly name: string;
  readonly line: number;
  /** What the context begins with, without the white space at its end, and that. */
  readonly before: readonly [text: string, end: string];
  readonly fact: string;
  readonly query: string;
  readonly answer: number;
  readonly choices: readonly { readonly ids: Int32Array; readonly characters: number }[];
}

function questionOf({ line, about, choices, answer }: Item, name: string, way: string, tokenizer: Encoder): Question {
  const [{ context: query } = { context: "" }] = choices;
  const { before, fact } = about ?? { before: "", fact: "" };
  const ends = choices.map(({ continuation, characters }, i) => {
    const { tokens, scored } = encodeChoice({ context: fact + query, continuation }, tokenizer);
    if (scored === 0) throw new UserError(`${name} has a choice, ${i}, that adds no token to its query; ${way}`);
    return { ids: tokens.slice(-scored), characters };
  });
  return { name, line, before: withoutEnd(before), fact, query: withoutEnd(query)[0], answer, choices: ends };
}

interface Place extends Pick<Cell, "length" | "depth"> {
  /** Behind the last sentence of the filler that is taken. */
  readonly end: number;
}

function placed(question: Question, place: Place, filler: Filler, tokenizer: Encoder): EncodedItem {
  const room = place.length - Math.max(...question.choices.map(({ ids }) => ids.length));
  const prompt = promptOf(question, { ...place, length: room }, filler, tokenizer);
  const choices = question.choices.map(({ ids, characters }) => ({
    tokens: Int32Array.from([...prompt, ...ids]),
    scored: ids.length,
    characters,
  }));
  return { choices, answer: question.answer };
}

/**
 * The fact with as many whole sentences around it as give at least `length` tokens, encoded as one text; of the first sentence those tokens
 * are left out that are too many. The fact stands between the two sentences where its depth is nearest to what is asked for.
 */
function promptOf(question: Question, { length, depth, end }: Place, filler: Filler, tokenizer: Encoder): Int32Array {
  const { name, before, fact, query } = question;
  const textOf = (earlier: readonly string[], later: readonly string[]): string =>
    before.join("") + [...earlier, fact, ...later].join(" ") + query;
  const alone = tokensOf(textOf([], []), tokenizer);
  const missing = length - alone.length;
  if (missing < 0)
    throw new UserError(
      `${name} has ${alone.length} tokens before its choices where ${length} have room; ask for a greater length`,
    );
  let ids = alone;
  let [sentences, sizes, split]: [string[], number[], number] = [[], [], 0];
  const total = (): number => sizes.reduce((sum, each) => sum + each, 0);
  while (ids.length < length) {
    do {
      const place = end - 1 - sentences.length;
      if (sentences.length === filler.count)
        throw new UserError(
          `${filler.path} has fewer than the ${missing} tokens that stand around a fact; give a longer text`,
        );
      sentences = [filler.at(place), ...sentences];
      sizes = [filler.size(place), ...sizes];
    } while (total() < missing);
    split = splitAt(sizes, depth * missing, total() - missing);
    ids = tokensOf(textOf(sentences.slice(0, split), sentences.slice(split)), tokenizer);
  }
  const start = tokensOf(before[0] + (split === 0 ? before[1] + fact : ""), tokenizer).length;
  if (split === 1 && ids.length - length > (sizes[0] ?? 0))
    throw new UserError(`${filler.path} has tokens that go on from sentence to sentence; give another text`);
  return Int32Array.from([...ids.subarray(0, start), ...ids.subarray(start + ids.length - length)]);
}

/** Behind how many sentences a depth in tokens is nearest, where the first sentence lacks so many. */
function splitAt(sizes: readonly number[], depth: number, lacking: number): number {
  let [best, before] = [0, -lacking];
  let nearest = depth;
  for (const [i, size] of sizes.entries()) {
    before += size;
    const distance = Math.abs(before - depth);
    if (distance < nearest) [best, nearest] = [i + 1, distance];
  }
  return best;
}
