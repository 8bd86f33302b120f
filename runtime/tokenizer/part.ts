/** A part of a tokenizer's definition with its place, so that what is wrong or not supported is named where it stands. */
import { UserError } from "../user-error.ts";

/** An object of tokenizer.json: `at` is its place in it, such as `pre_tokenizer.pretokenizers[1]`. */
export interface Part {
  readonly file: string;
  readonly at: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Longer places are those of parts within parts without end. */
const longestPlace = 2000;

/** An object of a definition; anything else is refused. */
export function partOf(value: unknown, file: string, at: string): Part {
  if (at.length > longestPlace)
    throw new UserError(`${file} has parts within parts, too deep to follow; save the tokenizer again`);
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return { file, at, fields: value as Part["fields"] };
  throw new UserError(`${at} in ${file} must be an object; save the tokenizer again`);
}

/** The part below a field. */
export const below = ({ file, at, fields }: Part, key: string): Part => partOf(fields[key], file, `${at}.${key}`);

/** The parts of a list. */
export function parts(part: Part, key: string): Part[] {
  return list(part, key).map((value, i) => partOf(value, part.file, `${part.at}.${key}[${i}]`));
}

export function list(part: Part, key: string): readonly unknown[] {
  const value = part.fields[key];
  return Array.isArray(value) ? value : wrong(part, key, "a list");
}

export function text(part: Part, key: string): string {
  const value = part.fields[key];
  return typeof value === "string" ? value : wrong(part, key, "a text");
}

/** A text, or undefined where the field is missing, null or empty. */
export const optionalText = (part: Part, key: string): string | undefined =>
  (part.fields[key] ?? "") === "" ? undefined : text(part, key);

/** True or false; `otherwise` where the field is missing or null. */
export function flag(part: Part, key: string, otherwise: boolean): boolean {
  const value = part.fields[key] ?? otherwise;
  return typeof value === "boolean" ? value : wrong(part, key, "true or false");
}

/** A token id. */
export function id(part: Part, key: string): number {
  const value = part.fields[key];
  return isId(value) ? value : wrong(part, key, "a token id");
}

export const isId = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 31;

function wrong({ file, at, fields }: Part, key: string, what: string): never {
  const found = fields[key] === undefined ? "it is missing" : `it is ${JSON.stringify(fields[key]).slice(0, 60)}`;
  throw new UserError(`${at}.${key} in ${file} must be ${what}; ${found}; save the tokenizer again`);
}

/** The error for what lcomp cannot do as the Rust library does it. */
export const unsupported = ({ file, at }: Part, what: string): UserError =>
  new UserError(`${at} in ${file} is ${what}, which is not supported yet; use a model with another tokenizer`);
