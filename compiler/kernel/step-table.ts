/** Routines go in steps of the same kernels, each of which reads from a table which step it is: it binds the table at the step's entry. */
import { bindableWords } from "../memory/layout.ts";
import type { Storage } from "../memory/storage.ts";
import type { Header } from "./header.ts";
import type { Lowered } from "./lower.ts";

/** The kernel's memory, of the table only the step's entry. */
export const bindingsAt = (step: number, { bindings }: Lowered, table: Storage): Lowered["bindings"] =>
  bindings.map((binding) =>
    binding.storage === table ? { ...binding, offset: 4 * bindableWords * step, bytes: 4 * bindableWords } : binding,
  );

export const currentStep = (table: Storage, around: Header): string =>
  `fn current_step() -> u32 { return ${around.read(table.id, "0u", 1)}; }`;

export const setStep = (table: Storage, around: Header): string =>
  `fn set_step(step: u32) { ${around.write(table, `step * ${bindableWords}u`, ["step"], 1)} }`;
