/** Items as windows of one length, rows of tokens side by side with what else is known of each (`TaskPart`). */
import type { TaskFacts, TaskPart } from "../../../compiler/plan/plan.ts";
import type { EncodedChoice, EncodedItem } from "./choice.ts";

export type TaskTokens = Readonly<Record<TaskPart, Int32Array>>;

/** The sizes that hold all of some items: the most choices, and the most tokens that are read of one. */
export const factsOf = (items: readonly EncodedItem[]): TaskFacts => ({
  items: items.length,
  choices: most(items, ({ choices }) => choices.length),
  length: most(items, (item) => rowOf(item).length),
  longest: most(items, ({ choices }) => longestOf(choices)),
});

/** The greatest number that any has, of which there may be more than a call takes. */
const most = <T>(of: readonly T[], number: (each: T) => number): number =>
  of.reduce((sofar, each) => Math.max(sofar, number(each)), 0);

/** How many tokens are read of a choice: all but the last, which nothing follows. */
const read = ({ tokens }: EncodedChoice): Int32Array => tokens.subarray(0, -1);

/** A window has 2 tokens at least. */
const shortest = 2;

const longestOf = (choices: readonly EncodedChoice[]): number =>
  Math.max(shortest, ...choices.map((choice) => read(choice).length));

/** How the choices of an item stand in a row: how many tokens they have in common, which come first, and where what each has of its own begins. */
interface Row {
  readonly shared: number;
  readonly starts: readonly number[];
  readonly length: number;
}

function rowOf({ choices }: EncodedItem): Row {
  const [first = new Int32Array(), ...others] = choices.map(read);
  const differing = first.findIndex((token, i) => others.some((each) => each[i] !== token));
  const shared = differing < 0 ? first.length : differing;
  const starts: number[] = [];
  let length = shared;
  for (const choice of choices) {
    starts.push(length);
    length += read(choice).length - shared;
  }
  return { shared, starts, length: Math.max(shortest, length) };
}

/** What is short is filled up behind with what no choice sees; where a choice is missing, there is one without characters. */
export function windowsOf(items: readonly EncodedItem[]): TaskTokens {
  const { choices: each, length } = factsOf(items);
  const [rows, choices] = [items.length, items.length * each];
  const made = {
    tokens: new Int32Array(rows * length),
    position: new Int32Array(rows * length),
    branch: new Int32Array(rows * length).fill(each),
    next: new Int32Array(choices * length).fill(-1),
    characters: new Int32Array(choices),
    right: new Int32Array(choices),
  };
  for (const [i, item] of items.entries()) {
    const { shared, starts } = rowOf(item);
    for (const [j, choice] of item.choices.entries()) {
      const placeOf = (position: number): number => position + (position < shared ? 0 : (starts[j] ?? 0) - shared);
      for (const [position, token] of read(choice).entries()) {
        const at = i * length + placeOf(position);
        made.tokens[at] = token;
        made.position[at] = position;
        made.branch[at] = position < shared ? -1 : j;
      }
      const at = i * each + j;
      for (let k = choice.tokens.length - choice.scored; k < choice.tokens.length; k++)
        made.next[at * length + placeOf(k - 1)] = choice.tokens[k] ?? 0;
      made.characters[at] = choice.characters;
      made.right[at] = Number(j === item.answer);
    }
  }
  return made;
}

/**
 * What another program costs, in tokens: it is compiled, and reads all weights. At least a thirty-second of all tokens that a single program
 * would take, so that there are few programs of many items, too.
 */
const programCost = (whole: number): number => Math.max(2048, whole / 32);

/** Items whose rows have one length, by their places. */
interface Alike {
  readonly length: number;
  readonly places: readonly number[];
}

/**
 * Items of alike length together, so that little is filled up: the runs, from the shortest to the longest, that take the fewest tokens
 * with what each program costs. Each has the places of its items, in order.
 */
export function byLength(items: readonly EncodedItem[]): readonly (readonly number[])[] {
  const lengths = [...Map.groupBy(items.entries(), ([, item]) => rowOf(item).length)].sort(([a], [b]) => a - b);
  const alike = lengths.map(([length, some]): Alike => ({ length, places: some.map(([place]) => place) }));
  const another = programCost(tokensIn(alike));
  let best: readonly { readonly cost: number; readonly runs: readonly (readonly Alike[])[] }[] = [
    { cost: 0, runs: [] },
  ];
  for (let end = 1; end <= alike.length; end++) {
    const ways = best.map(({ cost, runs }, from) => {
      const run = alike.slice(from, end);
      return { cost: cost + another + tokensIn(run), runs: [...runs, run] };
    });
    best = [...best, ways.reduce((least, way) => (way.cost < least.cost ? way : least))];
  }
  return (best.at(-1)?.runs ?? []).map((run) => run.flatMap(({ places }) => places).sort((a, b) => a - b));
}

/** In the windows of a run, each as long as its longest. */
const tokensIn = (run: readonly Alike[]): number =>
  run.reduce((sum, { places }) => sum + places.length, 0) * most(run, ({ length }) => length);
