/** What a plan's steps compute and move. */
import type { Plan } from "./plan.ts";
import type { Program } from "./program.ts";

export interface Work {
  readonly operations: number;
  /** By kernels, to and from the GPU's memory: at least so much. */
  readonly bytesMoved: number;
  /** Of weights, which are read from files. */
  readonly bytesRead: number;
}

/** By step. */
export function workOf({ steps, windows, programs }: Pick<Plan, "steps" | "windows" | "programs">): readonly Work[] {
  const byName = new Map(programs.map((program) => [program.name, program]));
  return steps.map(({ program, over }) =>
    workOfProgram(byName.get(program), over === null ? 1 : (windows[over]?.count ?? 0)),
  );
}

/** A program that is run so many times with the same weights, which are read once. */
function workOfProgram(program: Program | undefined, times: number): Work {
  if (program === undefined) return noWork;
  const { setup, main, buffers } = program;
  const total = (of: "operations" | "bytesMoved"): number =>
    sum(setup.map((dispatch) => dispatch[of])) + times * sum(main.map((dispatch) => dispatch[of]));
  const weights = buffers.map(({ slot, bytes }) => (slot?.role === "weight" ? bytes : 0));
  return { operations: total("operations"), bytesMoved: total("bytesMoved"), bytesRead: sum(weights) };
}

const noWork: Work = { operations: 0, bytesMoved: 0, bytesRead: 0 };

export const allOf = (works: readonly Work[]): Work => ({
  operations: sum(works.map(({ operations }) => operations)),
  bytesMoved: sum(works.map(({ bytesMoved }) => bytesMoved)),
  bytesRead: sum(works.map(({ bytesRead }) => bytesRead)),
});

const sum = (numbers: readonly number[]): number => numbers.reduce((all, number) => all + number, 0);
