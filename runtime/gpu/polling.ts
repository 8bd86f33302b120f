/**
 * While anything waits for the GPU, Dawn's Node binding asks by `setImmediate` in every turn of the event loop whether it is done. That
 * takes a core, and each turn leaves garbage that outlives minor collections: the heap grows with the time spent waiting.
 */

/** Questions at full speed before the slower pace: short waits end within them. */
const eager = 50;

/** How many have asked for the slower pace and not yet for its end, and what ends it. */
let calmed = 0;
let undo = (): void => undefined;

/** From now on, who asks on and on by `setImmediate` is heard once a millisecond. Returns what undoes it, once all have called theirs. */
export function calmPolling(): () => void {
  if (calmed++ === 0) undo = slowDown();
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    if (--calmed === 0) undo();
  };
}

function slowDown(): () => void {
  const original = globalThis.setImmediate;
  let isAsking = false;
  let asked = 0;
  const calm = (callback: (...args: unknown[]) => void, ...args: unknown[]): unknown => {
    asked = isAsking ? asked + 1 : 0;
    const ask = (): void => {
      isAsking = true;
      try {
        callback(...args);
      } finally {
        isAsking = false;
      }
    };
    return asked < eager ? original(ask) : setTimeout(ask, 1);
  };
  globalThis.setImmediate = Object.assign(calm, original) as typeof setImmediate;
  return () => {
    globalThis.setImmediate = original;
  };
}
