/**
 * A bound on what a program may cost to check. Equal calls are evaluated once, but a few lines can ask for many different ones;
 * work is counted in expressions evaluated, never in seconds, so that a program is refused everywhere or nowhere.
 */

/** The work done so far in one pass over a program. */
export interface Work {
  evaluations: number;
  /** More are refused. */
  readonly most: number;
  /** Expressions that are being evaluated, each inside the one before. */
  depth: number;
  /** It was too much, which was said. */
  isRefused: boolean;
}

/** What rounds of factors written out need on the layers of a model, three times, and more for long programs, whose stages cost each. */
export const workFor = (characters: number): Work => ({
  evaluations: 0,
  most: 400_000 + 75 * characters,
  depth: 0,
  isRefused: false,
});

/** What the stack holds on every platform, also before anything is compiled: two thirds of what Node.js has at first. */
export const deepest = 500;
export const deepestRecord = 100;

/** Counts one more expression; which limit that is beyond, if it is. */
export function beyond(work: Work): "evaluations" | "depth" | undefined {
  work.evaluations++;
  return work.evaluations > work.most ? "evaluations" : work.depth > deepest ? "depth" : undefined;
}
