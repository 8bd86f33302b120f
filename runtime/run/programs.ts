/** Programs of a plan on the device: found by name, loaded for the time of their use, bound by role and name. */
import { type Buffer, type Kernel, type Program, type Slot, storedTypes } from "../../compiler/plan/program.ts";
import type { Executor } from "../gpu/execute.ts";
import { type FloatDType, isFloatDType } from "../io/numbers.ts";

/** A slot with the size of its buffer. */
export interface SlotBuffer {
  readonly slot: Slot;
  readonly bytes: number;
}

/** A program while it is loaded. */
export interface LoadedProgram {
  readonly name: string;
  readonly slots: (role: Slot["role"]) => readonly SlotBuffer[];
  readonly bind: (role: Slot["role"], name: string, buffer: GPUBuffer) => void;
  readonly setup: () => void;
  readonly run: () => void;
}

/** Loads a program, gives it to `use`, and gives its scratch memory back. */
export type WithProgram = <T>(name: string, use: (program: LoadedProgram) => Promise<T>) => Promise<T>;

/** The programs of a plan by name. */
export function programsOf(
  { programs, kernels }: { readonly programs: readonly Program[]; readonly kernels: readonly Kernel[] },
  { load }: Executor,
): WithProgram {
  const byName = new Map(programs.map((program) => [program.name, program]));
  return async (name, use) => {
    const program = byName.get(name);
    if (program === undefined) throw new Error(`the plan has no program ${name}`);
    const { bind, setup, run, unload } = await load(program, kernels);
    const slots = (role: Slot["role"]): readonly SlotBuffer[] => program.buffers.flatMap(slotsOf(role));
    try {
      return await use({ name, slots, setup, run, bind });
    } finally {
      unload();
    }
  };
}

/** The slot of that role and name, which the plan promises. */
export function slotNamed(program: LoadedProgram, role: Slot["role"], name: string): SlotBuffer {
  const found = program.slots(role).find(({ slot }) => slot.name === name);
  if (found === undefined) throw new Error(`program ${program.name} has no ${role} ${name}`);
  return found;
}

/** How many elements a slot has. */
export const elements = ({ dims }: Slot): number => dims.reduce((product, { size }) => product * size, 1);

/** The type of a slot, as files of weights call it. */
export function fileDtype({ name, dtype }: Slot): FloatDType {
  const [found] = [...storedTypes].find(([, type]) => type === dtype) ?? [];
  if (found === undefined || !isFloatDType(found))
    throw new Error(`${name} is ${dtype}, which no file of weights holds`);
  return found;
}

const slotsOf =
  (role: Slot["role"]) =>
  ({ slot, bytes }: Buffer): readonly SlotBuffer[] =>
    slot?.role === role ? [{ slot, bytes }] : [];
