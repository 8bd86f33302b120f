/** How a tokenizer splits a text before its model sees it: pieces are handed on one by one, and never held together. */
import { below, flag, optionalText, type Part, partOf, parts, text, unsupported } from "./part.ts";
import { plain, type Segments, segmentsOf, translate } from "./pattern.ts";
import { numeric, rustWord, whitespace } from "./unicode.ts";

/** Takes one piece; `isFirst` says that it starts where the text starts. */
export type Take = (piece: string, isFirst: boolean) => void;
export type PreTokenizer = (piece: string, isFirst: boolean, take: Take) => void;

/** The pre-tokenizer of a definition; null stands for none. */
export function preTokenizerOf(value: unknown, file: string): PreTokenizer {
  if (value === null || value === undefined) return (piece, isFirst, take) => take(piece, isFirst);
  return preTokenizer(partOf(value, file, "pre_tokenizer"));
}

function preTokenizer(part: Part): PreTokenizer {
  const type = text(part, "type");
  switch (type) {
    case "Sequence":
      return parts(part, "pretokenizers")
        .map(preTokenizer)
        .reduceRight(
          (rest: PreTokenizer, own) => sequence(own, rest),
          (piece, isFirst, take) => take(piece, isFirst),
        );
    case "ByteLevel":
      return byteLevel(part);
    case "Split":
      return split(splitSegments(below(part, "pattern")), behaviorOf(part), flag(part, "invert", false));
    case "Digits":
      return split(segmentsOf(digit), flag(part, "individual_digits", false) ? "isolated" : "contiguous");
    case "Metaspace":
      return metaspace(part);
    case "Whitespace":
      return split(segmentsOf(wordOrNot), "removed", true);
    case "WhitespaceSplit":
      return split(segmentsOf(space), "removed");
    default:
      throw unsupported(part, `the pre-tokenizer ${type}`);
  }
}

const sequence =
  (first: PreTokenizer, second: PreTokenizer): PreTokenizer =>
  (piece, isFirst, take) =>
    first(piece, isFirst, (inner, isFirstToo) => second(inner, isFirstToo, take));

const digit = new RegExp(numeric, "gv");
const space = new RegExp(whitespace, "gu");
const wordOrNot = new RegExp(`[${rustWord}]+|[^${whitespace}${rustWord}]+`, "gv");

/** What becomes of the matches. */
type Behavior = "removed" | "isolated" | "mergedwithprevious" | "mergedwithnext" | "contiguous";
const behaviors: readonly string[] = ["removed", "isolated", "mergedwithprevious", "mergedwithnext", "contiguous"];

function behaviorOf(part: Part): Behavior {
  const asked = text(part, "behavior").toLowerCase().replaceAll("_", "");
  if (!behaviors.includes(asked)) throw unsupported(part, `a split whose matches are ${asked}`);
  return asked as Behavior;
}

function splitSegments(pattern: Part): Segments {
  const literal = optionalText(pattern, "String");
  if (literal !== undefined) return segmentsOf(plain(literal));
  return segmentsOf(translate(text(pattern, "Regex"), pattern));
}

/** Cuts a text at matches, or with `isInverted` at what lies between them. */
function split(segments: Segments, behavior: Behavior, isInverted = false): PreTokenizer {
  return (piece, isFirst, take) => {
    let [start, end, isOpen] = [0, 0, false]; // the piece that may still grow, and whether what comes next may join it
    let wasMatch = false;
    const close = (): void => {
      if (end > start) take(piece.slice(start, end), isFirst && start === 0);
      start = end;
    };
    segments(piece, (from, to, found) => {
      const isMatch = found !== isInverted;
      const joins =
        (behavior === "contiguous" && isMatch === wasMatch) ||
        (behavior === "mergedwithprevious" && isMatch && !wasMatch) ||
        (behavior === "mergedwithnext" && wasMatch && !isMatch);
      if (!(isOpen && joins)) {
        close();
        start = from;
      }
      end = to;
      isOpen = true;
      wasMatch = isMatch;
      if (isMatch && behavior === "removed") start = end;
    });
    close();
  };
}

/** The character that stands for each byte: itself where it can be seen. */
export const byteCharacters: readonly string[] = (() => {
  const isSeen = (byte: number): boolean => /[!-~\u00a1-\u00ac\u00ae-\u00ff]/.test(String.fromCharCode(byte));
  let unseen = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isSeen(byte) ? byte : 256 + unseen++));
})();

const byteLevelPattern = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

function byteLevel(part: Part): PreTokenizer {
  const hasPrefix = flag(part, "add_prefix_space", true);
  const cut = flag(part, "use_regex", true) ? split(segmentsOf(translate(byteLevelPattern, part)), "isolated") : null;
  return (given, isFirst, take) => {
    const piece = hasPrefix && !given.startsWith(" ") ? ` ${given}` : given;
    if (cut === null) take(inBytes(piece), isFirst);
    else cut(piece, isFirst, (inner, isFirstToo) => take(inBytes(inner), isFirstToo));
  };
}

function inBytes(piece: string): string {
  if (/^[!-~]*$/.test(piece)) return piece;
  let done = "";
  for (const byte of Buffer.from(piece)) done += byteCharacters[byte];
  return done;
}

function metaspace(part: Part): PreTokenizer {
  const replacement = optionalText(part, "replacement") ?? "▁";
  const scheme = optionalText(part, "prepend_scheme") ?? (flag(part, "add_prefix_space", true) ? "always" : "never");
  if (!["always", "first", "never"].includes(scheme)) throw unsupported(part, `a Metaspace with the scheme ${scheme}`);
  const cut = flag(part, "split", true) ? split(segmentsOf(plain(replacement)), "mergedwithnext") : null;
  return (given, isFirst, take) => {
    const replaced = given.replaceAll(" ", () => replacement);
    const isPrepended = scheme === "always" || (scheme === "first" && isFirst);
    const piece = isPrepended && !replaced.startsWith(replacement) ? replacement + replaced : replaced;
    if (cut === null) take(piece, isFirst);
    else cut(piece, isFirst, take);
  };
}
