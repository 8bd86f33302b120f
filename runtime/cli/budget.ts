/** What a plan may take of memory and disk: the flags, and their sizes as people write them. */
import type { CompileInputs } from "../../compiler/compile.ts";
import { UserError } from "../user-error.ts";
import { type Flags, given, value } from "./flags.ts";

/** For all commands that plan what is run. */
export const budgetFlags = {
  "gpu-memory": value("most of the GPU's memory at once: 512MiB, 8GiB, 4e9", { defaultDescription: "all there is" }),
  memory: value("most of the host's memory for data at once", { defaultDescription: "all there is" }),
};

/** For those that also decide what a store will hold. */
export const storeFlags = {
  "store-limit": value("the most bytes that the store may hold", { defaultDescription: "twice the models" }),
};

export type Budget = NonNullable<CompileInputs["budget"]>;

/** The budget that the flags give; of the host, without them, what a machine is said to have. */
export const budgetOf = (flags: Flags, host = Infinity): Budget => ({
  gpu: bytesGiven(flags, "gpu-memory") ?? Infinity,
  host: bytesGiven(flags, "memory") ?? host,
});

/** What is said of the store: null where it is not, then what its default is follows from the recipe. */
export const storeOf = (flags: Flags): NonNullable<CompileInputs["store"]> | null => {
  const limit = bytesGiven(flags, "store-limit");
  if (limit !== undefined) return { limit };
  return given(flags, "store") === undefined ? null : {};
};

const units = ["", "k", "m", "g", "t"];

function bytesGiven(flags: Flags, name: string): number | undefined {
  const text = given(flags, name);
  if (text === undefined) return undefined;
  const [, number, unit = "", binary] = /^(\d+(?:\.\d+)?(?:e\d+)?) ?(?:([kmgt]?)(i?)b)?$/i.exec(text.trim()) ?? [];
  const bytes = Math.floor(Number(number) * (binary ? 1024 : 1000) ** units.indexOf(unit.toLowerCase()));
  if (number === undefined || !Number.isSafeInteger(bytes))
    throw new UserError(`--${name} is "${text}", and is a size such as 512MiB, 8GiB or 4e9`, { exitCode: 2 });
  return bytes;
}
