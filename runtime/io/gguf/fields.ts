/** The metadata of a GGUF file, asked for by key and type. What nobody has asked for is known at the end. */
import { UserError } from "../../user-error.ts";
import type { GgufHeader, Value } from "./header.ts";

export interface Fields {
  readonly path: string;
  readonly text: (key: string) => string | undefined;
  readonly flag: (key: string) => boolean | undefined;
  readonly number: (key: string) => number | undefined;
  /** A number, or the one that all of a list are, a value for each layer. */
  readonly alike: (key: string) => number | undefined;
  readonly texts: (key: string) => readonly string[] | undefined;
  readonly numbers: (key: string) => ArrayLike<number> | undefined;
  readonly unasked: () => readonly string[];
  /** The error for a field that is not as it must be. */
  readonly wrong: (key: string, what: string) => UserError;
}

/** The fields of a file's header. */
export function fieldsOf(path: string, { metadata }: Pick<GgufHeader, "metadata">): Fields {
  const asked = new Set<string>();
  const get = (key: string): Value | undefined => {
    asked.add(key);
    return metadata.get(key);
  };
  const wrong = (key: string, what: string): UserError => {
    const value = metadata.get(key);
    const found = value === undefined ? "it is missing" : `it is ${shown(value)}`;
    return new UserError(`${key} in ${path} must be ${what}; ${found}`);
  };
  const reader =
    <T extends Value>(what: string, is: (value: Value) => value is T) =>
    (key: string): T | undefined => {
      const value = get(key);
      if (value === undefined || is(value)) return value;
      throw wrong(key, what);
    };
  const exact = reader("a number", isNumber);
  const number = (key: string): number | undefined => {
    const value = exact(key);
    return value === undefined ? undefined : shortest(value);
  };
  const numbers = reader("a list of numbers", isNumbers);
  return {
    path,
    text: reader("a text", (value) => typeof value === "string"),
    flag: reader("true or false", (value) => typeof value === "boolean"),
    number,
    alike: (key) => {
      const value = get(key);
      if (value === undefined || !ArrayBuffer.isView(value)) return number(key);
      const [first, ...others] = Array.from(numbers(key) ?? []);
      if (first === undefined || others.some((other) => other !== first)) throw wrong(key, "the same for all layers");
      return first;
    },
    texts: reader("a list of texts", isTexts),
    numbers,
    unasked: () => [...metadata.keys()].filter((key) => !asked.has(key)),
    wrong,
  };
}

/** An f32 in the fewest digits that mean it: 0.00001 and not 0.000009999999747378752. */
export function shortest(value: number): number {
  if (Number.isInteger(value)) return value;
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

const isNumber = (value: Value): value is number => typeof value === "number" && Number.isFinite(value);

const isTexts = (value: Value): value is readonly string[] => Array.isArray(value);

type NumberList = Exclude<Extract<Value, ArrayBufferView>, BigInt64Array | BigUint64Array>;

const isNumbers = (value: Value): value is NumberList =>
  ArrayBuffer.isView(value) && !(value instanceof BigInt64Array || value instanceof BigUint64Array);

/** A value in a message: at most one short line. */
function shown(value: Value): string {
  if (typeof value === "object") return `a list of ${value.length}, ${String(value.slice(0, 4)).slice(0, 40)} …`;
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
