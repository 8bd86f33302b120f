/** A broken invariant is a bug in the compiler, never in the program that is compiled: users should never see one. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) bug(message);
}

/** What no program can lead to. */
export function bug(message: string): never {
  throw new Error(`compiler bug: ${message}`);
}
