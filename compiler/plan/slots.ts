/** What a program's slots need of memory. */
import { bitsOf } from "./dtype.ts";
import type { Plan } from "./plan.ts";
import type { Program, Slot } from "./program.ts";

/** A slot with the size of its buffer, padding included. */
export interface SlotBuffer {
  readonly slot: Slot;
  readonly bytes: number;
}

/** The slots of a program that have one of these roles. */
export const slotsOf = ({ buffers }: Program, ...roles: readonly Slot["role"][]): readonly SlotBuffer[] =>
  buffers.flatMap(({ slot, bytes }) => (slot !== undefined && roles.includes(slot.role) ? [{ slot, bytes }] : []));

/** What a step writes under a name. */
export function outputOf({ steps, programs }: Pick<Plan, "steps" | "programs">, at: number, name: string): SlotBuffer {
  const program = programs.find((each) => each.name === steps[at]?.program);
  const found = program && slotsOf(program, "output", "accumulator").find(({ slot }) => slot.name === name);
  if (found === undefined) throw new Error(`${program?.name} has no output ${name}`);
  return found;
}

/** How many elements a slot has. */
export const elements = ({ dims }: Pick<Slot, "dims">): number => dims.reduce((product, { size }) => product * size, 1);

/** The bits of a slot's elements. */
export const contentBits = (slot: Slot): number => elements(slot) * bitsOf(slot.dtype);

/** The bytes of a slot's elements, without padding. */
export const contentBytes = (slot: Slot): number => Math.ceil(contentBits(slot) / 8);

/** Tensors are read, written, and sent to the GPU and back, in pieces of at most this many bytes. */
export const pieceBytes = 16 * 2 ** 20;
