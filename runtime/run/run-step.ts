/** One step: its program with all that it reads and writes, once or for each window, then what must hold of the outcome. */

import { type SlotBuffer, slotsOf } from "../../compiler/plan/slots.ts";
import type { Ref, Step } from "../../compiler/plan/step.ts";
import type { Loaded } from "../gpu/execute.ts";
import { checkAndKeep, sayNone } from "./outcome.ts";
import type { ChangedTensor } from "./result.ts";
import type { Session } from "./session.ts";

/** Runs the step at that place of the plan; null if it changes no weight. */
export async function runStep(session: Session, at: number): Promise<ChangedTensor | null> {
  const { plan, store, clock, withProgram, progress } = session;
  const start = clock.now();
  const step = plan.steps[at] as Step;
  progress({ step: at, what: step.part.what, done: 0 });
  await withProgram(step.program, async (program) => {
    await bindGiven(session, program, step);
    for (const slot of slotsOf(program.program, "accumulator")) await bindMade(session, program, at, slot);
    if (step.over === null) await runOnce(session, program, at);
    else await runOverWindows(session, program, at, step.over);
    await store.record(at, await checkAndKeep(session, at), (clock.now() - start) / 1000);
  });
  return endOf(session, at);
}

/** Binds what a step reads once. */
export async function bindGiven({ store }: Session, program: Loaded, step: Step): Promise<void> {
  for (const slot of slotsOf(program.program, "weight", "state"))
    program.bind(slot.slot.role, slot.slot.name, await store.whole(readBy(step, slot), slot));
}

/** Passes by a step that has ended in an earlier run, and says what that has said of it. */
export async function skipStep(session: Session, at: number): Promise<ChangedTensor | null> {
  sayNone(session, at, session.store.noneOf(at));
  await session.store.skipped(at);
  return endOf(session, at);
}

async function endOf(session: Session, at: number): Promise<ChangedTensor | null> {
  const changed = await changedBy(session, at);
  session.store.ended(at);
  return changed;
}

function readBy({ reads, program }: Step, { slot }: SlotBuffer): Ref {
  const ref = reads[slot.name];
  if (ref === undefined) throw new Error(`a step reads nothing for ${slot.name} of ${program}`);
  return ref;
}

async function bindMade({ store }: Session, program: Loaded, at: number, slot: SlotBuffer): Promise<void> {
  const { role, name } = slot.slot;
  program.bind(role, name, await store.make({ step: at, output: name }, slot));
}

async function runOnce(session: Session, program: Loaded, at: number): Promise<void> {
  for (const slot of slotsOf(program.program, "output")) await bindMade(session, program, at, slot);
  program.setup();
  program.run();
  await session.pace();
}

async function runOverWindows(session: Session, program: Loaded, at: number, over: number): Promise<void> {
  const { plan, store, pace, progress } = session;
  const step = plan.steps[at] as Step;
  const count = plan.windows[over]?.count ?? 0;
  const readers = [];
  for (const slot of slotsOf(program.program, "data"))
    readers.push({ name: slot.slot.name, windows: await store.reader(readBy(step, slot), slot) });
  const writers = [];
  for (const slot of slotsOf(program.program, "output")) {
    const { name } = slot.slot;
    writers.push({ name, windows: await store.writer({ step: at, output: name }, slot, count) });
  }
  program.setup();
  for (let window = 0; window < count; window++) {
    for (const { name, windows } of readers) program.bind("data", name, await windows.read(window));
    for (const { name, windows } of writers) program.bind("output", name, await windows.next(window));
    program.run();
    store.passed(at, window);
    for (const { windows } of writers) await windows.written(window);
    progress({ step: at, what: step.part.what, done: (window + 1) / count });
    await pace();
  }
  for (const { windows } of [...readers, ...writers]) await windows.close();
}

async function changedBy({ plan, store }: Session, at: number): Promise<ChangedTensor | null> {
  const { layer, what, changes } = (plan.steps[at] as Step).part;
  if (changes?.zeros === undefined) return null;
  const { tensor, of: count = Number.NaN, zeros: output } = changes;
  const [zeros = Number.NaN] = await store.numbers({ step: at, output });
  return { layer, what, tensor, zeros, count };
}
