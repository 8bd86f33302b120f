/** What all productions share: spans, documentation, and going on after a mistake. */
import {
  defaultParserErrorProvider,
  EmbeddedActionsParser,
  type IParserErrorMessageProvider,
  type IRecognitionException,
  type IToken,
  isRecognitionException,
  type ParserMethod,
  type TokenType,
  tokenMatcher,
} from "chevrotain";
import type { Need } from "./needs.ts";
import { deepest, Mistake } from "./operators.ts";
import { endOf, endsLine, lineEndBefore, placeOf, spanOf } from "./place.ts";
import { isForeignWord, missing, mistake } from "./problem.ts";
import type { SourceFile, Span } from "./source.ts";
import { K, memberWords, moduleWords, statementWords, T, vocabulary } from "./tokens.ts";

/** A production that takes nothing but the tokens. */
export type Rule<Node> = ParserMethod<[], Node>;

/** What a rule raises in place of chevrotain's own text; `problem.ts` has the wording. */
export const raise = (need: Need): { readonly ERR_MSG: Need } => ({ ERR_MSG: need });

/** The need at an alternative is its whole message; one that is left out cannot be missed, since a gate stands before it. */
const needOf: IParserErrorMessageProvider = {
  ...defaultParserErrorProvider,
  buildNoViableAltMessage: ({ customUserDescription }) => customUserDescription ?? "statement-expected",
  buildEarlyExitMessage: ({ customUserDescription }) => customUserDescription ?? "statement-expected",
};

/** What a value may begin with. */
const valueStarts: readonly TokenType[] = [
  T.Name,
  T.Number,
  T.Pattern,
  T.String,
  K.not,
  K.true,
  K.false,
  K.repeat,
  K.feedback,
  T.LParen,
  T.LBracket,
  T.LBrace,
  T.Minus,
];
const isAny = (token: IToken, types: readonly TokenType[]): boolean => types.some((type) => tokenMatcher(token, type));

const innerWords = new Set<string>(["let", "fn", "each", "freeze", "minimise", ...statementWords, ...memberWords]);
const outerWords = new Set<string>(moduleWords);

/** The base of the parser; knows no production. */
export abstract class RecoveringParser extends EmbeddedActionsParser {
  protected file: SourceFile = { path: "", text: "" };
  protected problems: (Mistake | IRecognitionException)[] = [];
  /** Offsets of the `///` comments that stand on a declaration or a parameter. */
  protected documented = new Set<number>();
  /** Whether `f(x) {` begins a body here, not the fields of a format. */
  protected bodyFollows = false;
  private nesting = 0;

  /** Chevrotain's own checks of the grammar take long; a test makes them. */
  constructor(skipValidations = true) {
    super([...vocabulary], { maxLookahead: 2, skipValidations, errorMessageProvider: needOf });
  }

  /** Begins another file. */
  protected begin(file: SourceFile, tokens: readonly IToken[]): void {
    this.file = file;
    this.problems = [];
    this.documented = new Set();
    this.nesting = 0;
    this.bodyFollows = false;
    this.input = [...tokens];
  }

  /** Runs an expression's rule one level deeper. */
  protected deeper<Node>(rule: () => Node): Node {
    const first = this.LA(1);
    if (this.nesting >= deepest) throw new Mistake(mistake("too-deep", this.at(first), first.image));
    this.nesting += 1;
    try {
      return rule();
    } finally {
      this.nesting -= 1;
    }
  }

  /** Runs the rule of a header, behind which a body begins. */
  protected beforeBody<Node>(rule: () => Node): Node {
    return this.withBody(true, rule);
  }

  /** Runs a rule between brackets, where no body can follow. */
  protected inBrackets<Node>(rule: () => Node): Node {
    return this.withBody(false, rule);
  }

  private withBody<Node>(follows: boolean, rule: () => Node): Node {
    const saved = this.bodyFollows;
    this.bodyFollows = follows;
    try {
      return rule();
    } finally {
      this.bodyFollows = saved;
    }
  }

  /** From a token to the last one consumed. */
  protected from(first: IToken): Span {
    return { file: this.file, start: first.startOffset, end: Math.max(first.startOffset, endOf(this.LA(0))) };
  }

  protected at(token: IToken): Span {
    return this.RECORDING_PHASE ? { file: this.file, start: 0, end: 0 } : spanOf(this.file, token);
  }

  /** The documentation above a token. */
  protected doc(first: IToken): string {
    return this.RECORDING_PHASE ? "" : this.take(placeOf(first).above);
  }

  /** The documentation above a parameter and behind it on its line, before or after its comma. */
  protected docAround(first: IToken): string {
    if (this.RECORDING_PHASE) return "";
    const [last, next] = [this.LA(0), this.LA(1)];
    const comma = next.tokenType === T.Comma ? placeOf(next).beside : [];
    return this.take([...placeOf(first).above, ...placeOf(last).beside, ...comma]);
  }

  private take(docs: readonly IToken[]): string {
    for (const { startOffset } of docs) this.documented.add(startOffset);
    return docs.map(({ image }) => image.slice(3).trim()).join("\n");
  }

  /** `{ item "," }` up to a closing bracket; the last comma may be left out. */
  protected row(closing: TokenType, comma: Need, item: () => void): void {
    this.inBrackets(() =>
      this.MANY9(() => {
        item();
        if (this.RECORDING_PHASE || this.LA(1).tokenType !== closing) this.CONSUME9(T.Comma, raise(comma));
      }),
    );
  }

  /** The depth of what stands inside a bracket. */
  protected inside(bracket: IToken): number {
    return this.RECORDING_PHASE ? 0 : placeOf(bracket).depth + 1;
  }

  /** Runs a rule inside brackets of that depth; after a mistake skips to the next statement there and gives nothing. */
  protected attempt<Node>(depth: number, rule: () => Node): Node | undefined {
    const first = this.LA(1);
    try {
      return rule();
    } catch (problem) {
      if (!(problem instanceof Mistake) && !isRecognitionException(problem as Error)) throw problem;
      this.problems.push(problem as Mistake | IRecognitionException);
      if (this.LA(1) === first && placeOf(first).depth >= depth && first.tokenType !== T.End) this.SKIP_TOKEN();
      this.skip(depth);
      return undefined;
    }
  }

  /** Reports what stands here although only something else may, or goes on with what came before; skips to where reading can go on. */
  protected refuse(expected: Need, depth: number): void {
    const [last, next] = [this.LA(0), this.LA(1)];
    const need = this.beginsLine() || !(endOf(last) >= 0) || last.tokenType === T.LBrace ? expected : "value-end";
    if (!this.isForeign())
      this.problems.push(new Mistake(missing(need, this.at(next), next.image, lineEndBefore(this.file, next, last))));
    this.skip(depth);
  }

  /** Reports a word of another language that has been read as a name, or would be: what follows on its line shows it. */
  protected isForeign(): boolean {
    const word = [this.LA(0), this.LA(1)].find(({ image }) => isForeignWord(image));
    if (!word || this.beginsLine()) return false;
    this.problems.push(new Mistake(mistake("foreign-notation", this.at(word), word.image)));
    return true;
  }

  /** Skips to the next statement or member inside brackets of that depth, to the bracket that closes them, or to a declaration. */
  protected skip(depth: number): void {
    const words = depth === 0 ? outerWords : innerWords;
    for (let token = this.LA(1); token.tokenType !== T.End; token = this.SKIP_TOKEN()) {
      const place = placeOf(token);
      if (place.depth < depth) return;
      const isStart = words.has(token.image) && (token.tokenType === K.let || this.beginsLine());
      if (place.depth === depth && isStart && (this.startsPhrase() || this.LA(2).tokenType === T.Equals)) return;
    }
  }

  /** Skips to the next line inside brackets of that depth, or to the bracket that closes them. */
  protected skipLine(depth: number): void {
    for (let token = this.LA(1); token.tokenType !== T.End; token = this.SKIP_TOKEN()) {
      const place = placeOf(token);
      if (place.depth < depth || (place.depth === depth && this.beginsLine() && token.tokenType !== T.RBrace)) return;
    }
  }

  /** Whether the next token is the first on its line. */
  protected beginsLine(): boolean {
    const [last, next] = [this.LA(0), this.LA(1)];
    return endsLine(this.file, last, next.startOffset);
  }

  protected startsValue(): boolean {
    return isAny(this.LA(1), valueStarts);
  }

  protected endsBlock(): boolean {
    return isAny(this.LA(1), [T.RBrace, T.End]);
  }

  /** Whether the next word is followed by a value: `report x` and `report (x)`, but not `report(x)`, `report - x`, `report.x`. */
  protected startsPhrase(): boolean {
    const [word, next] = [this.LA(1), this.LA(2)];
    const isApart = next.startOffset > endOf(word);
    if (next.image === "(" || next.image === "[") return isApart;
    if (next.image === "-") return isApart && !/\s/.test(this.file.text[next.startOffset + 1] ?? " ");
    return isAny(next, valueStarts);
  }
}
