/** What literals mean: the text of a token to its value, and back. */
import type { NumberLiteral, PatternLiteral } from "./ast.ts";
import type { Span } from "./source.ts";

const units: Readonly<Record<NonNullable<NumberLiteral["unit"]>, number>> = {
  "%": 0.01,
  ...{ KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 },
  ...{ kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 },
};

/** `12`, `0.5`, `1e-7`, `50%`, `512 MiB`. A percentage is divided, not multiplied, so that `35%` is exactly 0.35. */
export function numberLiteral(image: string, span: Span): NumberLiteral {
  const unit = (Object.keys(units) as (keyof typeof units)[]).find((unit) => image.endsWith(unit));
  const text = unit ? image.slice(0, -unit.length).trimEnd() : image;
  const value = unit === "%" ? Number(text) / 100 : Number(text) * (unit ? units[unit] : 1);
  return { kind: "number", value, text, span, ...(unit && { unit }) };
}

/** `2:4` */
export function patternLiteral(image: string, span: Span): PatternLiteral {
  const [keep, of] = image.split(":").map(Number) as [number, number];
  return { kind: "pattern", keep, of, span };
}

const escapes: Readonly<Record<string, string>> = { '"': '"', "\\": "\\", n: "\n", t: "\t", r: "\r" };
const escapeSequence = /\\(?:u\{([0-9A-Fa-f]{1,6})\}|([\s\S]))/g;

/** The value of a string in quotes. An unknown escape stands for itself: `lexical.ts` has reported it. */
export const stringValue = (image: string): string =>
  image
    .replace(/^"|"$/g, "")
    .replace(escapeSequence, (whole, code: string | undefined, letter: string) =>
      code === undefined
        ? (escapes[letter] ?? whole)
        : isCodePoint(code)
          ? String.fromCodePoint(Number.parseInt(code, 16))
          : whole,
    );

const isCodePoint = (hex: string): boolean => Number.parseInt(hex, 16) <= 0x10ffff;

/** The first escape of a string that means nothing, as an offset in the token and its text. */
export function unknownEscape(image: string): { readonly offset: number; readonly text: string } | undefined {
  for (const { 0: text, 1: code, 2: letter = "", index } of image.matchAll(escapeSequence))
    if (code === undefined ? !(letter in escapes) : !isCodePoint(code)) return { offset: index, text };
  return undefined;
}

/** A string as the language writes it. */
export const quoted = (value: string): string =>
  `"${value.replace(/["\\]|[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\ufffd]/gu, (letter) => {
    const known = Object.entries(escapes).find(([, meant]) => meant === letter);
    return known ? `\\${known[0]}` : `\\u{${letter.codePointAt(0)?.toString(16)}}`;
  })}"`;
