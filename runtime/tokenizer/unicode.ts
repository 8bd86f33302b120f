/**
 * Unicode as the Rust library knows it. Its regular expressions (Oniguruma) know version 16 and the standard library of
 * Rust version 17, whatever version this JavaScript engine has. All texts here are contents of a class in `v` mode.
 */

/** The content of a class: code points and ranges of them, in hexadecimal. */
const classOf = (ranges: string): string => ranges.replace(/[0-9a-f]+/g, "\\u{$&}").replaceAll(" ", "");

/** What version 17 has added: unassigned for regular expressions. */
const unassigned = classOf(
  "88f c5c cdc 1acf-1add 1ae0-1aeb 20c1 2b96 a7ce-a7cf a7d2 a7d4 a7f1 fbc3-fbd2 fd90-fd91 fdc8-fdce " +
    "10940-10959 10ec5-10ec7 10ed0-10ed8 10efa-10efb 11b60-11b67 11db0-11ddb 11de0-11de9 16ea0-16eb8 " +
    "16ebb-16ed3 16ff2-16ff6 187f8-187ff 18d09-18d1e 18d80-18df2 1ccfa-1ccfc 1ceba-1ced0 1cee0-1cef0 " +
    "1e6c0-1e6de 1e6e0-1e6f5 1e6fe-1e6ff 1f6d8 1f777-1f77a 1f8d0-1f8d8 1fa54-1fa57 1fa8a 1fa8e 1fac8 " +
    "1facd 1faea 1faef 1fbfa 2b73a-2b73f 2cea2-2cead 323b0-33479",
);

/** What the library's older tables of normalization do not know: it stays as it is, and between its neighbours. */
export const unnormalized = classOf(
  "7fd 897-89f 8ca-8d3 9fe c3c d3b-d3c eba 1715 1abf-1add 1ae0-1aeb 1df6-1dfa 32ff a7f1-a7f4 a82c ab69 " +
    "105c9 105d2 105da 105e4 10781-10785 10787-107b0 107b2-107ba 10d24-10d27 10d69-10d6d 10eab-10eac " +
    "10efa-10efb 10efd-10eff 10f46-10f50 10f82-10f85 11070 1133b 11382-11385 1138b 1138e 11390-11391 " +
    "113b8 113bb 113c2 113c5 113c7-113c9 113ce-113d0 1145e 11839-1183a 11930 11935 11938 1193d-1193e " +
    "11943 119e0 11a34 11a47 11a99 11d42 11d44-11d45 11d97 11f41-11f42 1611e-16129 1612f 16d63 " +
    "16d67-16d6a 16ff0-16ff1 1ccd6-1ccf9 1e030-1e06d 1e08f 1e130-1e136 1e2ae 1e2ec-1e2ef 1e4ec-1e4ef " +
    "1e5ee-1e5ef 1e6e3 1e6e6 1e6ee-1e6ef 1e6f5 1f16c 1fbf0-1fbf9",
);

const known = (set: string): string => `[[${set}]--[${unassigned}]]`;

const categories = new Set(
  "L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp C Cc Cf Co Cn".split(" "),
);
const scripts = new Set("Arabic Cyrillic Devanagari Greek Han Hangul Hebrew Hiragana Katakana Latin Thai".split(" "));

/** The set of a property as Oniguruma has it; undefined if it is none of those that were compared. */
export function property(name: string): string | undefined {
  if (name === "Ll") return known("\\p{Ll}\\u0295"); // a lower-case letter up to version 16
  if (name === "Lo") return `[\\p{Lo}--[${unassigned}\\u0295]]`;
  if (name === "C" || name === "Cn") return `[\\p{${name}}${unassigned}]`;
  if (categories.has(name)) return known(`\\p{${name}}`);
  return scripts.has(name) ? known(`\\p{Script=${name}}`) : undefined;
}

/** What a word is made of, inside of a class; outside of one, Oniguruma also takes some numbers for it. */
export const wordInClass = known("\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}");
export const word = `[${wordInClass}\\u00b2\\u00b3\\u00b9\\u00bc-\\u00be]`;
/** What Rust's own regular expressions take for a word. */
export const rustWord = known("\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}");

export const whitespace = "\\p{White_Space}";
export const hexDigits = "0-9A-Fa-f";
/** Rust's `char::is_numeric`. */
export const numeric = "[\\p{N}\\u{11de0}-\\u{11de9}\\u{16ff4}-\\u{16ff6}]";

/** The classes in brackets of POSIX as Oniguruma has them; undefined for those that were not compared. */
export const posix: ReadonlyMap<string, string> = new Map([
  ["alpha", known("\\p{Alphabetic}")],
  ["alnum", known("\\p{Alphabetic}\\p{Nd}")],
  ["digit", known("\\p{Nd}")],
  ["lower", known("\\p{Lowercase}\\u0295")],
  ["upper", known("\\p{Uppercase}")],
  ["punct", known("\\p{P}\\p{S}")],
  ["space", whitespace],
]);
