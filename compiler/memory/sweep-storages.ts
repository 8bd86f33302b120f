/** The memory that the kernels of a sweep work in. */
import type { BodyGroups, SweepGroup, Target } from "../fuse/group.ts";
import { stepNames } from "../fuse/sweep-bodies.ts";
import { bodyNames } from "../graph/bodies.ts";
import { readAs } from "../plan/dtype.ts";
import { sweepPanels } from "../schedule/sweep-panels.ts";
import { rows } from "./layout.ts";
import type { Storage } from "./storage.ts";

export interface SweepStorages {
  /** `[row][column]`: the errors of a run, over the diagonal of u. */
  readonly errors: Storage;
  /** What steps are told: the entry of one, which has the positions of all levels first, then the columns of `SweepStep`. */
  readonly entry: Storage;
  /** All columns: frozen, or as they are by then. */
  readonly values: Storage;
  /** What bodies give by kernels of their own, of one run: by `bodyNames.above`. */
  readonly given: ReadonlyMap<string, Storage>;
}

export function sweepStorages(
  { node, targets, bodies }: SweepGroup,
  add: (storage: Omit<Storage, "id">) => Storage,
  storageOf: (target: Target) => Storage,
): SweepStorages {
  const { levels } = node.attrs;
  const { rows: height, run, steps } = sweepPanels(node);
  const made = { node, through: [], dtype: "f32" } as const;
  const value = targets.find((target) => target.node === node);
  const table = add({
    ...made,
    dtype: "i32",
    layout: { kind: "pieces", number: [{ name: "step", size: steps }], each: [entryWord(levels.length)] },
  });
  const partOf = (level: number, output: string): Target | undefined =>
    targets.find(({ node: { op, attrs } }) => op === "part" && attrs.level === level && attrs.output === output);
  const givenBy = ({ level, graph: { outputs } }: BodyGroups): readonly (readonly [string, Storage])[] =>
    outputs.map(({ name, node: of }) => {
      const own = { node: of, through: [], dtype: readAs(of.type.dtype), layout: rows(of.type.dims) } as const;
      const part = partOf(level, name);
      const storage = add(part === undefined ? own : { ...own, within: storageOf(part) });
      return [bodyNames.above(levels[level]?.dim.name ?? "", name), storage];
    });
  return {
    errors: add({
      ...made,
      layout: rows([
        { name: "row", size: height },
        { name: "column", size: run },
      ]),
    }),
    entry: add({ ...made, dtype: "i32", within: table, layout: rows([entryWord(levels.length)]) }),
    values: value === undefined ? add({ ...made, layout: rows(node.type.dims) }) : storageOf(value),
    given: new Map(bodies.flatMap(givenBy)),
  };
}

const entryWord = (levels: number) => ({ name: stepNames.word, size: levels + 4 });

/** What an input of a body's graph is read from, but for nodes of the graph around. */
export const readIn = ({ values, entry, given }: SweepStorages, name: string): Storage | undefined =>
  name === stepNames.values ? values : name === stepNames.positions ? entry : given.get(name);
