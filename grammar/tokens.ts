/**
 * The vocabulary. Words are names unless the grammar asks for a keyword at that place, so most keywords stay usable as names;
 * only `reserved` are never names. `layout.ts` turns brackets and minus signs into their continuing forms.
 *
 * A percent sign that touches a number belongs to it (`50%`); anywhere else it is the remainder (`x % 2`, `5 % 2`).
 * Digits on both sides of a colon without blanks are a pattern (`2:4`); `name: 4` and `x[d: 0]` are not.
 */
import { createToken, Lexer, type TokenType } from "chevrotain";

/** Words that are never names. */
export const reserved = [
  "let",
  "fn",
  "import",
  "where",
  "else",
  "and",
  "or",
  "not",
  "true",
  "false",
  "repeat",
  "feedback",
] as const;

/** Words that begin a statement, where a statement may begin and its next word follows. */
export const statementWords = [
  "observe",
  "probe",
  "select",
  "rotate",
  "train",
  "state",
  "stage",
  "expect",
  "report",
  "save",
  "vary",
  "run",
  "fit",
  "plot",
  "choose",
] as const;

/** Words that begin a declaration at the top of a file. */
export const moduleWords = ["import", "fn", "format", "arch", "method", "optimizer", "recipe", "study"] as const;

/** Words that begin a member of an architecture; `fn` is one too. */
export const memberWords = ["dim", "weight", "table", "linear", "blocks", "ignore"] as const;

/** Words that join the parts of a declaration, a statement or an argument. */
const joiningWords = [
  "across",
  "against",
  "along",
  "among",
  "as",
  "at",
  "bias",
  "by",
  "decode",
  "each",
  "except",
  "for",
  "freeze",
  "from",
  "in",
  "keeping",
  "least",
  "leaving",
  "minimise",
  "of",
  "on",
  "one",
  "otherwise",
  "out",
  "over",
  "then",
  "through",
  "tied",
  "to",
  "with",
] as const;

type Word =
  | (typeof reserved)[number]
  | (typeof statementWords)[number]
  | (typeof moduleWords)[number]
  | (typeof memberWords)[number]
  | (typeof joiningWords)[number];

const Name = createToken({ name: "Name", pattern: /[A-Za-z_][A-Za-z0-9_]*'*/, label: "a name" });

const word = (text: Word, categories: TokenType[]): TokenType =>
  createToken({
    name: text.charAt(0).toUpperCase() + text.slice(1),
    pattern: text,
    longer_alt: Name,
    label: `\`${text}\``,
    categories,
  });

const contextual: readonly Word[] = [...statementWords, ...moduleWords.slice(2), ...memberWords, ...joiningWords];

/** One token type for each keyword; those that are not reserved also match `T.Name`. */
export const K = Object.fromEntries([
  ...reserved.map((text) => [text, word(text, [])]),
  ...contextual.map((text) => [text, word(text, [Name])]),
]) as { readonly [W in Word]: TokenType };

const sign = (name: string, text: string): TokenType => createToken({ name, pattern: text, label: `\`${text}\`` });
/** A form that only `layout.ts` makes; it also matches the sign that it comes from. */
const form = (name: string, of: TokenType): TokenType =>
  createToken({ name, pattern: Lexer.NA, categories: [of], label: of.LABEL ?? of.name });

const Numeral = createToken({
  name: "Number",
  pattern: /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?:%|[ \t]*(?:[KMGT]iB|[kMGT]B)\b|(?!\w|\.\d))/,
  label: "a number",
});
const Text = createToken({ name: "String", pattern: /"(?:[^"\\\r\n]|\\[^\r\n])*"/, label: "a string" });
const Minus = sign("Minus", "-");
const LParen = sign("LParen", "(");
const LBracket = sign("LBracket", "[");
const LBrace = sign("LBrace", "{");

/** Token types that are no keywords. */
export const T = {
  Name,
  Number: Numeral,
  /** `3x`, `1_000`, `1.2.3`: reported by `layout.ts`, then read as a number. */
  BadNumber: createToken({ name: "BadNumber", pattern: /\d[\w.]*\w/, categories: [Numeral] }),
  Pattern: createToken({ name: "Pattern", pattern: /\d+:\d+(?!\w)/, label: "a pattern" }),
  String: Text,
  /** Reported by `layout.ts`, then read as a string. */
  OpenString: createToken({ name: "OpenString", pattern: /"(?:[^"\\\r\n]|\\[^\r\n])*\\?/, categories: [Text] }),
  /** `//` and `///`; never reaches the parser. */
  Comment: createToken({ name: "Comment", pattern: /\/\/[^\n]*/, group: "comments" }),
  /** What other languages write; reported by `layout.ts` and read as what was meant. */
  Foreign: createToken({
    name: "Foreign",
    pattern: /\*\*|:=|&&|\|\||!(?!=)|;|=>|#[^\n]*|\/\*(?:[^*]|\*(?!\/))*(?:\*\/)?|'(?:[^'\\\r\n]|\\[^\r\n])*'/,
    line_breaks: true,
  }),
  /** Signs that the language does not use; reported by `lexical.ts` and left out. */
  Unknown: createToken({ name: "Unknown", pattern: /[^ -~\s]+|[@$\\`~?&']/ }),
  Blank: createToken({ name: "Blank", pattern: /[\s\uFEFF]+/, group: Lexer.SKIPPED, line_breaks: true }),
  /** The last token of every file, so that the end has a place. */
  End: createToken({ name: "End", pattern: Lexer.NA, label: "the end of the file" }),
  Arrow: sign("Arrow", "->"),
  Rest: sign("Rest", "..."),
  Range: sign("Range", ".."),
  Dot: sign("Dot", "."),
  Comma: sign("Comma", ","),
  Colon: sign("Colon", ":"),
  Bar: sign("Bar", "|"),
  Same: sign("Same", "=="),
  Differs: sign("Differs", "!="),
  AtMost: sign("AtMost", "<="),
  AtLeast: sign("AtLeast", ">="),
  Less: sign("Less", "<"),
  More: sign("More", ">"),
  Equals: sign("Equals", "="),
  Lacking: sign("Lacking", "??"),
  Plus: sign("Plus", "+"),
  Minus,
  /** A minus that may continue the expression before it. */
  Infix: form("Infix", Minus),
  Star: sign("Star", "*"),
  Slash: sign("Slash", "/"),
  Percent: sign("Percent", "%"),
  Caret: sign("Caret", "^"),
  LParen,
  /** `(` that may be the arguments of what stands before it. */
  CallParen: form("CallParen", LParen),
  /** `(` whose `)` is followed by `->`. */
  MapParen: form("MapParen", LParen),
  RParen: sign("RParen", ")"),
  LBracket,
  /** `[` that may index what stands before it. */
  IndexBracket: form("IndexBracket", LBracket),
  RBracket: sign("RBracket", "]"),
  LBrace,
  /** `{` that may be the fields for the format before it. */
  FieldsBrace: form("FieldsBrace", LBrace),
  RBrace: sign("RBrace", "}"),
} as const;

/** In the order in which the lexer tries them: longer signs and words before their beginnings, keywords before names. */
export const vocabulary: readonly TokenType[] = [
  T.Blank,
  T.Comment,
  T.Pattern,
  T.Number,
  T.BadNumber,
  T.String,
  T.OpenString,
  ...Object.values(K).toSorted((a, b) => b.name.length - a.name.length),
  Name,
  T.Foreign,
  T.Arrow,
  T.Rest,
  T.Range,
  T.Dot,
  T.Comma,
  T.Colon,
  T.Bar,
  T.Same,
  T.Differs,
  T.AtMost,
  T.AtLeast,
  T.Less,
  T.More,
  T.Equals,
  T.Lacking,
  T.Plus,
  T.Infix,
  T.Minus,
  T.Star,
  T.Slash,
  T.Percent,
  T.Caret,
  T.CallParen,
  T.MapParen,
  T.LParen,
  T.RParen,
  T.IndexBracket,
  T.LBracket,
  T.RBracket,
  T.FieldsBrace,
  T.LBrace,
  T.RBrace,
  T.End,
  T.Unknown,
];

/** Text to tokens; offsets only, since lines are found when a message needs them. */
export const lexer: Lexer = new Lexer([...vocabulary], { positionTracking: "onlyOffset" });
