/** Choices as windows of one length, side by side with what else is known of each (`TaskPart`). */
import type { TaskFacts, TaskPart } from "../../../compiler/plan/plan.ts";
import type { EncodedItem } from "./choice.ts";

export type TaskTokens = Readonly<Record<TaskPart, Int32Array>>;

/** The sizes that hold all of some items: the most choices, and the most tokens that are read of one. */
export const factsOf = (items: readonly EncodedItem[]): TaskFacts => ({
  items: items.length,
  choices: most(items, ({ choices }) => choices.length),
  length: most(items, lengthOf),
});

/** The greatest number that any has, of which there may be more than a call takes. */
const most = <T>(of: readonly T[], number: (each: T) => number): number =>
  of.reduce((sofar, each) => Math.max(sofar, number(each)), 0);

/** How many tokens are read of the longest choice: all but the last, which nothing follows. At least 2, as windows have. */
const lengthOf = ({ choices }: EncodedItem): number => Math.max(2, ...choices.map(({ tokens }) => tokens.length - 1));

/** What is short is filled up behind, where no score looks; where a choice is missing, there is one without characters. */
export function windowsOf(items: readonly EncodedItem[]): TaskTokens {
  const { choices: each, length } = factsOf(items);
  const count = items.length * each;
  const made = {
    tokens: new Int32Array(count * length),
    next: new Int32Array(count * length).fill(-1),
    characters: new Int32Array(count),
    right: new Int32Array(count),
  };
  for (const [i, { choices, answer }] of items.entries())
    for (const [j, { tokens, scored, characters }] of choices.entries()) {
      const at = i * each + j;
      made.tokens.set(tokens.subarray(0, -1), at * length);
      made.next.set(tokens.subarray(-scored), at * length + tokens.length - 1 - scored);
      made.characters[at] = characters;
      made.right[at] = Number(j === answer);
    }
  return made;
}

/**
 * What another program costs, in tokens: it is compiled, and reads all weights. At least a thirty-second of all tokens that a single program
 * would take, so that there are few programs of many items, too.
 */
const programCost = (whole: number): number => Math.max(2048, whole / 32);

/** Items of one length, by their places, and the most choices that one of them has. */
interface Alike {
  readonly length: number;
  readonly choices: number;
  readonly places: readonly number[];
}

/**
 * Items of alike length together, so that little is filled up: the runs, from the shortest to the longest, that take the fewest tokens
 * with what each program costs. Each has the places of its items, in order.
 */
export function byLength(items: readonly EncodedItem[]): readonly (readonly number[])[] {
  const lengths = [...Map.groupBy(items.entries(), ([, item]) => lengthOf(item))].sort(([a], [b]) => a - b);
  const alike = lengths.map(([length, some]): Alike => {
    const choices = most(some, ([, item]) => item.choices.length);
    return { length, choices, places: some.map(([place]) => place) };
  });
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

/** In the windows of a run, each as long as its longest and with as many choices as any. */
const tokensIn = (run: readonly Alike[]): number =>
  run.reduce((sum, { places }) => sum + places.length, 0) *
  most(run, ({ choices }) => choices) *
  most(run, ({ length }) => length);
