/** Productions of stages: a method, what it works on, the layers that it is applied to, and what it chooses from. */
import type * as Ast from "./ast.ts";
import { ExpressionParser } from "./expressions.ts";
import { raise } from "./recovery.ts";
import { K, T } from "./tokens.ts";

export abstract class StageParser extends ExpressionParser {
  /** Whether a selector follows the next word. A lone `*` is one only behind something on its line. */
  private startsSelector(): boolean {
    if (this.LA(2).tokenType !== T.Star) return this.startsPhrase();
    return !this.beginsLine() || this.LA(3).tokenType === T.Dot;
  }

  // stage = "stage" name "=" call "of" name [ "decode" ] [ "over" expression ] [ "for" selectors ] [ "except" selectors ] [ "keeping" name ] [ "among" candidates ]
  protected readonly stage = this.RULE("stage", (): Ast.Stage => {
    const first = this.CONSUME(K.stage);
    const name = this.SUBRULE(this.name);
    this.CONSUME(T.Equals, raise("binding-equals"));
    const method = this.SUBRULE(this.call);
    this.CONSUME(K.of, raise("stage-of"));
    const of = this.SUBRULE2(this.name);
    const decode = this.OPTION6(() => this.CONSUME(K.decode));
    const over = this.OPTION({
      GATE: () => this.startsPhrase(),
      DEF: () => {
        this.CONSUME(K.over);
        return this.SUBRULE(this.expression);
      },
    });
    const selectors = this.OPTION2({
      GATE: () => this.startsSelector(),
      DEF: () => {
        this.CONSUME(K.for);
        return this.SUBRULE(this.selectors);
      },
    });
    const except = this.OPTION3({
      GATE: () => this.startsSelector(),
      DEF: () => {
        this.CONSUME(K.except);
        return this.SUBRULE2(this.selectors);
      },
    });
    const keeping = this.OPTION4(this.kept);
    const among = this.OPTION5({
      GATE: () => this.startsPhrase(),
      DEF: () => {
        this.CONSUME(K.among);
        return this.SUBRULE(this.candidates);
      },
    });
    const span = this.from(first);
    return {
      kind: "stage",
      name,
      method,
      of,
      ...(decode && { decode: true as const }),
      ...(over && { over }),
      selectors: selectors ?? [],
      except: except ?? [],
      ...(keeping && { keeping }),
      ...(among && { among }),
      span,
    };
  });

  /** `keeping` and what a sweep keeps. */
  private readonly kept = {
    GATE: () => this.startsPhrase(),
    DEF: (): Ast.Name => {
      this.CONSUME(K.keeping);
      return this.SUBRULE3(this.name);
    },
  };

  // candidates = "{" candidate { candidate } "}", each on a line
  protected readonly candidates = this.RULE("candidates", (): Ast.Candidate[] => {
    this.CONSUME(T.LBrace, raise("candidates-expected"));
    const all: Ast.Candidate[] = [];
    this.AT_LEAST_ONE({ DEF: () => all.push(this.SUBRULE(this.candidate)), ...raise("candidates-expected") });
    this.CONSUME(T.RBrace, raise("candidates-expected"));
    return all;
  });

  // candidate = call { "then" call } [ "keeping" name ]
  protected readonly candidate = this.RULE("candidate", (): Ast.Candidate => {
    const first = this.LA(1);
    const methods = [this.SUBRULE(this.call)];
    this.MANY({
      GATE: () => this.startsPhrase(),
      DEF: () => {
        this.CONSUME(K.then);
        methods.push(this.SUBRULE2(this.call));
      },
    });
    const keeping = this.OPTION(this.kept);
    return { methods, ...(keeping && { keeping }), span: this.from(first) };
  });

  // call = name arguments
  protected readonly call = this.RULE("call", (): Ast.Call => {
    const callee = this.SUBRULE(this.name);
    const values = this.SUBRULE(this.arguments);
    return this.ACTION(() => ({
      kind: "call",
      callee: { kind: "name", ...callee },
      arguments: values,
      span: { ...callee.span, end: this.LA(0).startOffset + 1 },
    }));
  });

  // selectors = selector { "," selector }
  protected readonly selectors = this.RULE("selectors", (): Ast.Selector[] => {
    const all = [this.SUBRULE(this.selector)];
    this.MANY(() => {
      this.CONSUME(T.Comma);
      all.push(this.SUBRULE2(this.selector));
    });
    return all;
  });

  // selector = step { "." step }
  protected readonly selector = this.RULE("selector", (): Ast.Selector => {
    const first = this.LA(1);
    const path = [this.SUBRULE(this.step)];
    this.MANY(() => {
      this.CONSUME(T.Dot);
      path.push(this.SUBRULE2(this.step));
    });
    return { kind: "selector", path, span: this.from(first) };
  });

  // step = ( name | "*" ) [ "[" blocks { "," blocks } "]" ]
  protected readonly step = this.RULE("step", (): Ast.Selector["path"][number] => {
    const token = this.OR({
      DEF: [{ ALT: () => this.CONSUME(T.Name) }, { ALT: () => this.CONSUME(T.Star) }],
      ...raise("selector-expected"),
    });
    const blocks = this.OPTION(() => {
      this.CONSUME(T.IndexBracket);
      const all = [this.SUBRULE(this.blockRange)];
      this.MANY(() => {
        this.CONSUME(T.Comma);
        all.push(this.SUBRULE2(this.blockRange));
      });
      this.CONSUME(T.RBracket, raise("selector-range"));
      return all;
    });
    return { name: { text: token.image, span: this.at(token) }, ...(blocks && { blocks }) };
  });

  // blocks = expression [ ".." expression [ "by" expression ] ]
  protected readonly blockRange = this.RULE("blockRange", (): Ast.BlockRange => {
    const first = this.LA(1);
    const from = this.SUBRULE(this.expression);
    const rest = this.OPTION(() => {
      this.CONSUME(T.Range);
      const to = this.SUBRULE2(this.expression);
      const by = this.OPTION2(() => {
        this.CONSUME(K.by);
        return this.SUBRULE3(this.expression);
      });
      return { to, ...(by && { by }) };
    });
    return { from, ...rest, span: this.from(first) };
  });
}
