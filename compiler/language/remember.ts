/** What calls gave, so that equal ones are evaluated once. */
import type { Context } from "./context.ts";
import type { Value } from "./value.ts";

/** By what a call leaves marks in, or by where its problems are noted, and then by the call. */
const remembered = new WeakMap<object, Map<string, Value>>();

/**
 * What an equal call gave. One that left nothing in its trace gives the same in every other; one that did gives the same in that
 * trace, and leaves nothing more.
 */
export function remember({ trace, found }: Context, call: string, evaluate: () => Value): Value {
  const [here, everywhere] = [memoryOf(trace), memoryOf(found)];
  const marked = here.get(call);
  if (marked) trace.marks++;
  const known = marked ?? everywhere.get(call);
  if (known) return known;
  const before = trace.marks;
  const value = evaluate();
  (trace.marks > before ? here : everywhere).set(call, value);
  return value;
}

function memoryOf(of: object): Map<string, Value> {
  const memory = remembered.get(of) ?? new Map<string, Value>();
  remembered.set(of, memory);
  return memory;
}
