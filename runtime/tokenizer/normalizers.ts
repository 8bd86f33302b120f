/** What a tokenizer does to a text before it splits it. */

import { charsmapOf } from "./charsmap.ts";
import { below, flag, optionalText, type Part, partOf, parts, text, unsupported } from "./part.ts";
import { segmentsOf, translate } from "./pattern.ts";
import { unnormalized, whitespace } from "./unicode.ts";

export type Normalizer = (text: string) => string;

/** The normalizer of a definition; null stands for none. */
export function normalizerOf(value: unknown, file: string): Normalizer {
  if (value === null || value === undefined) return (given) => given;
  return normalizer(partOf(value, file, "normalizer"));
}

function normalizer(part: Part): Normalizer {
  const type = text(part, "type");
  switch (type) {
    case "Sequence": {
      const all = parts(part, "normalizers").map(normalizer);
      return (given) => all.reduce((done, next) => next(done), given);
    }
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD":
      return (given) => given.replace(normalized, (known) => known.normalize(type));
    case "Lowercase":
      return (given) => given.replace(/[^Σ]+/gu, (other) => other.toLowerCase()).replaceAll("Σ", "σ"); // by itself, never ς
    case "Prepend": {
      const prefix = text(part, "prepend");
      return (given) => (given === "" ? "" : prefix + given);
    }
    case "Strip":
      return strip(flag(part, "strip_left", true), flag(part, "strip_right", true));
    case "Replace":
      return replacing(part);
    case "Precompiled":
      return charsmapOf(optionalText(part, "precompiled_charsmap") ?? "", part);
    default:
      throw unsupported(part, `the normalizer ${type}`);
  }
}

const normalized = new RegExp(`[^${unnormalized}]+`, "gv");
const leftSpace = new RegExp(`^${whitespace}+`, "u");
const isSpace = new RegExp(whitespace, "u");

/** The end of a text without the white space that it ends in. */
export function endWithoutSpace(given: string): number {
  let end = given.length;
  while (end > 0 && isSpace.test(given[end - 1] ?? "")) end -= 1;
  return end;
}

const strip =
  (left: boolean, right: boolean): Normalizer =>
  (given) => {
    const rest = left ? given.replace(leftSpace, "") : given;
    return right ? rest.slice(0, endWithoutSpace(rest)) : rest;
  };

/** Puts a text in the place of all that a pattern finds. */
export function replacing(part: Part): Normalizer {
  const pattern = below(part, "pattern");
  const content = text(part, "content");
  const plain = optionalText(pattern, "String");
  if (plain !== undefined) return (given) => given.replaceAll(plain, () => content);
  const segments = segmentsOf(translate(text(pattern, "Regex"), pattern));
  return (given) => {
    let done = "";
    segments(given, (start, end, isMatch) => {
      done += isMatch ? content : given.slice(start, end);
    });
    return done;
  };
}
