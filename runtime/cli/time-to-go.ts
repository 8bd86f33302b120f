/** How long a run will still take, from what it has done and what its plan says of the rest. */
import type { Plan } from "../../compiler/plan/plan.ts";
import { workOf } from "../../compiler/plan/work.ts";

/** What a step must do, by what it waits for. */
export interface Waits {
  /** Operations of the GPU, and what moving bytes costs in such. */
  readonly compute: number;
  /** Bytes to read and to write. */
  readonly disk: number;
}

/** What a byte costs a kernel, in operations: GPUs and software adapters alike move far less than they compute. */
const operationsPerByte = 8;

/** Bytes a second of a disk, until it has been seen at work. */
const presumedDisk = 4e8;

/** For each step of a plan, and last for each model that it saves. */
export function waitsOf(plan: Plan): readonly Waits[] {
  const running = workOf(plan).map(({ operations, bytesMoved, bytesRead }) => ({
    compute: operations + operationsPerByte * bytesMoved,
    disk: bytesRead,
  }));
  const origins = plan.saves.map(({ origin }) => plan.models.find(({ name }) => name === origin));
  return [...running, ...origins.map((saved) => ({ compute: 0, disk: 2 * (saved?.bytes ?? 0) }))];
}

/** All of them. */
export const sum = (works: readonly Waits[]): Waits =>
  works.reduce((all, { compute, disk }) => ({ compute: all.compute + compute, disk: all.disk + disk }), {
    compute: 0,
    disk: 0,
  });

/** The share `part` of it. */
const times = (part: number, { compute, disk }: Waits): Waits => ({ compute: part * compute, disk: part * disk });

/**
 * Tells for a moment of a run, at a time in seconds, how many more it takes; null where too little has been done to tell. The
 * moments of a run are told in order.
 */
export function estimator(): (
  works: readonly (Waits | null)[],
  moment: { readonly step: number; readonly done: number },
  now: number,
) => number | null {
  let begin: number | undefined;
  return (works, { step, done }, now) => {
    if (works[step] === null || works[step] === undefined) return null;
    begin ??= now;
    const known = works.map((work) => work ?? { compute: 0, disk: 0 });
    const past = sum([...known.slice(0, step), times(done, known[step] ?? sum([]))]);
    const all = sum(known);
    const left = { compute: all.compute - past.compute, disk: all.disk - past.disk };
    const elapsed = now - begin;
    const onDisk = left.disk / presumedDisk;
    if (left.compute <= 0) return onDisk;
    if (past.compute < 0.02 * all.compute || elapsed <= 0) return null;
    const computing = Math.max(elapsed - past.disk / presumedDisk, elapsed / 10);
    return (left.compute * computing) / past.compute + onDisk;
  };
}
