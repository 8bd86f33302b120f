/** The flags of the command at hand; all are declared here, so that a misspelled one can be answered with the nearest. */
import type { Argv, CommandModule, Options } from "yargs";
import { UserError } from "../user-error.ts";

const declared: string[] = ["help", "h", "version"];

/** The flags that have been declared so far. */
export const knownFlags: readonly string[] = declared;

/** Declares flags. */
export function declare(yargs: Argv, options: Readonly<Record<string, Options>>): Argv {
  declared.push(...Object.keys(options));
  return yargs.options(options);
}

/** A flag with a value. */
export const value = (describe: string, more: Options = {}): Options => ({
  type: "string",
  requiresArg: true,
  describe,
  ...more,
});

/** A flag without one. */
export const flag = (describe: string): Options => ({ type: "boolean", describe });

/** What yargs hands to a command: recipes have flags of their own. */
export type Flags = Readonly<Record<string, unknown>>;

/** What a command takes, and does. */
export type Command = Readonly<Required<Pick<CommandModule<object, Flags>, "builder" | "handler">>>;

/** The value of a flag, undefined if it was not given. */
export function given(flags: Flags, name: string): string | undefined {
  const found = flags[name];
  if (Array.isArray(found)) throw new UserError(`--${name} is given ${found.length} times`, { exitCode: 2 });
  if (found === "") throw new UserError(`--${name} needs a value`, { exitCode: 2 });
  return typeof found === "string" ? found : undefined;
}

/** The number of a flag that says how many of something. */
export function countGiven(flags: Flags, name: string, of: string): number | undefined {
  const text = given(flags, name);
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UserError(`--${name} needs a number of ${of}, 1 or more; it is ${text}`, { exitCode: 2 });
}

/** The values of a flag that may be given several times. */
export function several(flags: Flags, name: string): readonly string[] {
  const found = flags[name];
  const all: readonly unknown[] = Array.isArray(found) ? found : found === undefined ? [] : [found];
  if (all.includes("")) throw new UserError(`--${name} needs a value`, { exitCode: 2 });
  return all.map(String);
}

/** The values of a positional that may be repeated. */
export const list = (flags: Flags, name: string): readonly string[] =>
  (flags[name] as readonly string[] | undefined) ?? [];
