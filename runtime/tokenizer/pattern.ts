/**
 * Regular expressions of tokenizers. They are written for Oniguruma; a JavaScript expression that finds the same is made of
 * each, and what has no counterpart is refused. Atomic groups are a lookahead that is captured and then read.
 */
import { UserError } from "../user-error.ts";
import { type Part, unsupported } from "./part.ts";
import { hexDigits, posix, property, whitespace, word, wordInClass } from "./unicode.ts";

/** Where a pattern matches (true) and what lies between (false), from the first character to the last. */
export type Segments = (text: string, each: (start: number, end: number, isMatch: boolean) => void) => void;

/** The matches of an expression, found as Rust's bindings of Oniguruma find them: no empty one right after another match. */
export function segmentsOf(expression: RegExp): Segments {
  return (text, each) => {
    let done = 0;
    let at = 0;
    let lastEnd = -1;
    for (let match = matchAt(expression, text, at); match !== null; match = matchAt(expression, text, at)) {
      const start = match.index;
      const end = start + match[0].length;
      if (end === start && end === lastEnd) at += String.fromCodePoint(text.codePointAt(at) ?? 0).length;
      else {
        if (done < start) each(done, start, false);
        each(start, end, true);
        at = end;
        done = end;
        lastEnd = end;
      }
    }
    if (done < text.length) each(done, text.length, false);
  };
}

function matchAt(expression: RegExp, text: string, at: number): RegExpExecArray | null {
  if (at > text.length) return null;
  expression.lastIndex = at;
  try {
    return expression.exec(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // what can still be given back of a match is remembered, up to a limit
    const start = JSON.stringify(text.slice(at, at + 30));
    throw new UserError(
      `what begins with ${start} goes on for too long for one match of the tokenizer's regular expression; break it up`,
      { cause: error },
    );
  }
}

/** An expression that matches where the Oniguruma pattern does. */
export function translate(pattern: string, part: Part): RegExp {
  const reader = new Translation(pattern, part);
  try {
    return new RegExp(reader.translate(), "gv");
  } catch (error) {
    throw error instanceof SyntaxError ? reader.refuse("its parts in this order") : error;
  }
}

const controls: ReadonlyMap<string, string> = new Map([
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["f", "\f"],
  ["v", "\v"],
  ["a", "\x07"],
  ["e", "\x1b"],
]);
const setEscapes: ReadonlyMap<string, string> = new Map([
  ["s", whitespace],
  ["d", posix.get("digit") ?? ""],
  ["h", hexDigits],
]);
const anchors: ReadonlyMap<string, string> = new Map([
  ["A", "(?<![^])"],
  ["z", "(?![^])"],
  ["Z", "(?=\\n?(?![^]))"],
  ["b", `(?:(?<=${word})(?!${word})|(?<!${word})(?=${word}))`],
  ["B", `(?:(?<=${word})(?=${word})|(?<!${word})(?!${word}))`],
]);
/** The letters beyond ASCII that differ from one of ASCII by case alone. */
const folded: ReadonlyMap<string, string> = new Map([
  ["s", "\\u017f"],
  ["k", "\\u212a"],
]);
/** Letters that together equal one character, when case does not matter. */
const ligatures = /ss|st|ff|fi|fl/;

/** An expression that matches a text itself. */
export const plain = (text: string): RegExp => new RegExp(Array.from(text, literal).join(""), "gv");

/** A character as JavaScript writes it, in a class or outside. */
const literal = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

/** How far groups and classes may lie in one another. */
const deepest = 200;

/** A part of a translation, and whether it can match nothing at all. */
interface Translated {
  readonly source: string;
  readonly canBeEmpty: boolean;
}

const consuming = (source: string): Translated => ({ source, canBeEmpty: false });
const empty = (source: string): Translated => ({ source, canBeEmpty: true });

/** One translation, from left to right. */
class Translation {
  readonly #characters: readonly string[];
  readonly #pattern: string;
  readonly #part: Part;
  #at = 0;
  #groups = 0;
  #depth = 0;
  #ignoresCase = false;
  #isBehind = false;
  /** The letters that have just been read one after the other, while case does not matter. */
  #letters = "";

  constructor(pattern: string, part: Part) {
    this.#characters = [...pattern];
    this.#pattern = pattern;
    this.#part = part;
  }

  translate(): string {
    const { source } = this.#alternatives();
    if (this.#at < this.#characters.length) throw this.refuse("a `)` too many");
    return source;
  }

  refuse(what: string) {
    return unsupported(this.#part, `the regular expression ${JSON.stringify(this.#pattern)} with ${what}`);
  }

  /** Takes a text if it comes next. */
  #takes(text: string): boolean {
    const isNext = this.#characters.slice(this.#at, this.#at + text.length).join("") === text;
    if (isNext) this.#at += text.length;
    return isNext;
  }

  #next(): string {
    const character = this.#characters[this.#at++];
    if (character === undefined) throw this.refuse("no end");
    return character;
  }

  #alternatives(): Translated {
    const all: Translated[] = [];
    do {
      this.#letters = "";
      const sequence: Translated[] = [];
      while (this.#at < this.#characters.length && !["|", ")"].includes(this.#characters[this.#at] ?? ""))
        sequence.push(this.#repeated());
      all.push({
        source: sequence.map(({ source }) => source).join(""),
        canBeEmpty: sequence.every(({ canBeEmpty }) => canBeEmpty),
      });
    } while (this.#takes("|"));
    return { source: all.map(({ source }) => source).join("|"), canBeEmpty: all.some(({ canBeEmpty }) => canBeEmpty) };
  }

  /** What can be empty is not repeated: the engines do not agree on when to stop. */
  #repeated(): Translated {
    let atom = this.#atom();
    for (let quantifier = this.#quantifier(); quantifier !== ""; quantifier = this.#quantifier()) {
      this.#letters = "";
      if (atom.canBeEmpty) throw this.refuse(`\`${quantifier}\` after what can be empty`);
      const isInterval = quantifier.startsWith("{"); // after one, `+` repeats what it has repeated
      const isPossessive = !isInterval && this.#takes("+");
      if (/^\{\d+\}$/.test(quantifier) && this.#characters[this.#at] === "?")
        throw this.refuse(`\`?\` after \`${quantifier}\``);
      const isLazy = !isPossessive && this.#takes("?");
      const source = `(?:${atom.source})${quantifier}${isLazy ? "?" : ""}`;
      atom = { source: isPossessive ? this.#atomic(source) : source, canBeEmpty: /^[*?]|^\{0+[,}]/.test(quantifier) };
    }
    return atom;
  }

  #quantifier(): string {
    const next = this.#characters[this.#at] ?? "";
    if (next !== "" && "*+?".includes(next)) return this.#next();
    if (next !== "{") return "";
    const rest = this.#characters.slice(this.#at, this.#at + 24).join("");
    const interval = /^\{(?:(\d{1,9})(,)?(\d{1,9})?|,(\d{1,9}))\}/.exec(rest);
    if (interval === null) return "";
    const [all, least = "0", comma = "", most = "", upTo] = interval;
    if (comma === "" && most !== "") return "";
    this.#at += all.length;
    return upTo === undefined ? `{${least}${comma}${most}}` : `{0,${upTo}}`;
  }

  #atomic(inner: string): string {
    if (this.#isBehind) throw this.refuse("an atomic group in a lookbehind");
    this.#groups += 1;
    return `(?:(?=(?<g${this.#groups}>${inner}))\\k<g${this.#groups}>)`;
  }

  #atom(): Translated {
    const character = this.#next();
    if (character === "(") return this.#group();
    if (character === "[") return consuming(this.#class());
    if (character === ".") return consuming("[^\\n]");
    if (character === "^") return empty("(?:(?<![^])|(?<=\\n)(?=[^]))");
    if (character === "$") return empty("(?:(?=\\n)|(?![^]))");
    if ("*+?".includes(character)) throw this.refuse(`nothing before \`${character}\``);
    if (character !== "\\") return consuming(this.#letter(character));
    const name = this.#next();
    const anchor = anchors.get(name);
    if (anchor !== undefined) return empty(anchor);
    if (name === "w") return consuming(word);
    if (name === "W") return consuming(`[^${word}]`);
    const set = this.#set(name);
    return consuming(set === undefined ? this.#letter(this.#character(name)) : `[${set}]`);
  }

  /** A character that stands for itself: as it was written, or in an escape of JavaScript. */
  #letter(character: string): string {
    this.#letters += character;
    return `[${this.#cases(character)}]`;
  }

  #cases(character: string): string {
    if (!this.#ignoresCase) return literal(character);
    if (/[^\0-\x7f]/.test(character)) throw this.refuse(`\`${character}\` where case does not matter`);
    const lower = character.toLowerCase();
    if (ligatures.test(this.#letters.toLowerCase()))
      throw this.refuse(`\`${this.#letters}\` where case does not matter (a ligature equals it)`);
    return literal(lower) + (/[a-z]/.test(lower) ? literal(lower.toUpperCase()) + (folded.get(lower) ?? "") : "");
  }

  #group(): Translated {
    if (this.#depth++ > deepest) throw this.refuse(`more than ${deepest} groups in one another`);
    this.#letters = "";
    const [ignoredCase, wasBehind] = [this.#ignoresCase, this.#isBehind];
    const opening = ["?:", "?=", "?!", "?<=", "?<!", "?>", "?i:"].find((prefix) => this.#takes(prefix));
    if (opening === undefined && this.#characters[this.#at] === "?")
      throw this.refuse(`\`(${this.#characters.slice(this.#at, this.#at + 3).join("")}\``);
    if (opening === "?i:") this.#ignoresCase = true;
    if (opening === "?<=" || opening === "?<!") this.#isBehind = true;
    const inner = this.#alternatives();
    if (!this.#takes(")")) throw this.refuse("an open group");
    [this.#ignoresCase, this.#isBehind, this.#letters] = [ignoredCase, wasBehind, ""];
    this.#depth -= 1;
    const { source, canBeEmpty } = inner;
    if (opening === "?>") return { source: this.#atomic(source), canBeEmpty };
    const isPlain = opening === undefined || opening === "?:" || opening === "?i:";
    return isPlain ? { source: `(?:${source})`, canBeEmpty } : empty(`(${opening}${source})`);
  }

  /** The set that an escape stands for, as the content of a class; undefined if it stands for a character. */
  #set(name: string): string | undefined {
    if (name === "p" || name === "P") return this.#property(name);
    const set = setEscapes.get(name.toLowerCase());
    if (set === undefined) return undefined;
    return name === name.toLowerCase() ? set : `[^${set}]`;
  }

  #property(name: string): string {
    if (!this.#takes("{")) throw this.refuse(`\`\\${name}\` without braces`);
    const isNegated = this.#takes("^") !== (name === "P");
    let asked = "";
    while (!this.#takes("}")) asked += this.#next();
    const set = this.#ignoresCase ? undefined : property(asked);
    const where = this.#ignoresCase ? " where case does not matter" : "";
    if (set === undefined) throw this.refuse(`\`\\${name}{${asked}}\`${where}`);
    return isNegated ? `[^${set}]` : set;
  }

  /** The character that an escape stands for. */
  #character(name: string): string {
    const control = controls.get(name);
    if (control !== undefined) return control;
    if (!/[A-Za-z0-9]/.test(name)) return name;
    const rest = this.#characters.slice(this.#at, this.#at + 12).join("");
    const code = { x: /^\{([0-9A-Fa-f]{1,6})\}|^([0-9A-Fa-f]{2})/, u: /^([0-9A-Fa-f]{4})/ }[name]?.exec(rest);
    if (!code) throw this.refuse(`\`\\${name}\``);
    this.#at += code[0].length;
    const point = Number.parseInt(code[1] ?? code[2] ?? "", 16);
    if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) throw this.refuse(`\`\\${name}${code[0]}\``);
    return String.fromCodePoint(point);
  }

  /** A class; its `[` has been read. */
  #class(): string {
    if (this.#depth++ > deepest) throw this.refuse(`more than ${deepest} classes in one another`);
    this.#letters = "";
    const negation = this.#takes("^") ? "^" : "";
    const operands: string[] = [];
    let items = this.#takes("]") ? literal("]") : "";
    while (!this.#takes("]")) {
      if (this.#takes("&&")) {
        operands.push(items);
        items = "";
      } else items += this.#item();
    }
    operands.push(items);
    this.#depth -= 1;
    if (operands.includes("")) throw this.refuse("an empty class");
    return `[${negation}${operands.map((operand) => `[${operand}]`).join("&&")}]`;
  }

  /** A character, a range or a set within a class. */
  #item(): string {
    if (this.#takes("[:")) return this.#posix();
    if (this.#takes("[")) return this.#class();
    const first = this.#member();
    const [dash, after] = this.#characters.slice(this.#at, this.#at + 2);
    if (dash !== "-" || after === "]" || after === undefined) return first.set ?? this.#cases(first.character);
    if (first.set !== undefined || after === "[") throw this.refuse("a range from or to a set");
    this.#at += 1;
    const last = this.#member();
    if (last.set !== undefined) throw this.refuse("a range from or to a set");
    return this.#range(first.character, last.character);
  }

  #range(first: string, last: string): string {
    const range = `${literal(first)}-${literal(last)}`;
    if (!this.#ignoresCase) return range;
    if (/[^\0-\x7f]/.test(last)) throw this.refuse("a range beyond ASCII where case does not matter");
    const letters = [..."abcdefghijklmnopqrstuvwxyz"].filter((letter) =>
      [letter, letter.toUpperCase()].some((one) => first <= one && one <= last),
    );
    return range + letters.map((letter) => this.#cases(letter)).join("");
  }

  #member():
    | { readonly set: string; readonly character?: never }
    | { readonly character: string; readonly set?: never } {
    const character = this.#next();
    this.#letters = "";
    if (character !== "\\") return { character };
    const name = this.#next();
    if (name === "w") return { set: wordInClass };
    if (name === "W") return { set: `[^${wordInClass}]` };
    const set = this.#set(name);
    return set === undefined ? { character: this.#character(name) } : { set };
  }

  #posix(): string {
    const isNegated = this.#takes("^");
    let name = "";
    while (!this.#takes(":]")) name += this.#next();
    const set = this.#ignoresCase ? undefined : posix.get(name);
    if (set === undefined) throw this.refuse(`\`[:${name}:]\``);
    return isNegated ? `[^${set}]` : set;
  }
}
