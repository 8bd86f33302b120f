/** Productions of statements and blocks. A block recovers: after a mistake it goes on with the next statement. */
import { tokenMatcher } from "chevrotain";
import type * as Ast from "./ast.ts";
import { Mistake } from "./operators.ts";
import { mistake } from "./problem.ts";
import { type Rule, raise } from "./recovery.ts";
import { textAt } from "./source.ts";
import { StageParser } from "./stages.ts";
import { K, statementWords, T } from "./tokens.ts";

interface Value {
  readonly kind: "value";
  readonly value: Ast.Expression;
}

/** All but declarations. */
export abstract class StatementParser extends StageParser {
  /** Whether a mistake was found between two statements, where only a statement or the end of the block may stand. */
  private isRefused(depth: number, before?: Ast.Expression): boolean {
    if (this.endsBlock()) return false;
    if (this.isForeign()) {
      this.skipLine(depth);
      return true;
    }
    if (this.LA(1).tokenType === K.let || this.startsValue()) return false;
    if (this.LA(1).tokenType !== T.Equals || before?.kind !== "name") this.refuse("statement-expected", depth);
    else {
      this.problems.push(new Mistake(mistake("missing-let", before.span, before.text)));
      this.skip(depth);
    }
    return true;
  }

  /** Whether a name and what follows on its line look like a statement that there is not, or one that lacks its beginning. */
  private isUnknown(depth: number, value?: Ast.Expression): boolean {
    if (value?.kind !== "name" || this.beginsLine() || this.endsBlock()) return false;
    const isKnown = (statementWords as readonly string[]).includes(value.text);
    if (!isKnown && !tokenMatcher(this.LA(1), T.Name)) return false;
    this.problems.push(
      new Mistake(mistake(isKnown ? "incomplete-statement" : "unknown-statement", value.span, value.text)),
    );
    this.skipLine(depth);
    return true;
  }

  // block = "{" { statement } [ expression ] "}"
  protected readonly block = this.RULE("block", (): Ast.Block => {
    const first = this.CONSUME(T.LBrace, raise("block-expected"));
    const depth = this.inside(first);
    const statements: Ast.Statement[] = [];
    let result: Ast.Expression | undefined;
    this.ACTION(() => this.isRefused(depth));
    this.MANY(() => {
      const item = this.inBrackets(() => this.attempt(depth, () => this.SUBRULE(this.item)));
      this.ACTION(() => {
        if (result) this.stray(result);
        result = item?.kind === "value" ? item.value : undefined;
        if (item && item.kind !== "value") statements.push(item);
        if (this.isUnknown(depth, result) || this.isRefused(depth, result)) result = undefined;
      });
    });
    this.CONSUME(T.RBrace, raise("statement-expected"));
    return { kind: "block", statements, ...(result && { result }), span: this.from(first) };
  });

  /** Reports a value that stands alone although more follows. */
  private stray({ span }: Ast.Expression): void {
    this.problems.push(new Mistake(mistake("stray-value", span, textAt(span))));
  }

  // item = statement | expression; a word begins a statement if its next word follows
  protected readonly item = this.RULE("item", (): Ast.Statement | Value =>
    this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.binding) },
        { ALT: () => this.SUBRULE(this.stage) },
        { ALT: () => this.SUBRULE(this.select) },
        { ALT: () => this.SUBRULE(this.rotate) },
        { GATE: () => this.startsPhrase(), ALT: () => this.SUBRULE(this.train) },
        { ALT: () => this.SUBRULE(this.state) },
        { GATE: () => this.startsPhrase(), ALT: () => this.SUBRULE(this.expect) },
        { GATE: () => this.startsPhrase(), ALT: () => this.SUBRULE(this.report) },
        { ALT: () => this.SUBRULE(this.save) },
        { ALT: () => this.SUBRULE(this.vary) },
        { ALT: () => this.SUBRULE(this.run) },
        { ALT: () => this.SUBRULE(this.fit) },
        { GATE: () => this.startsPhrase(), ALT: () => this.SUBRULE(this.plot) },
        { ALT: () => this.SUBRULE(this.choose) },
        { ALT: (): Value => ({ kind: "value", value: this.SUBRULE(this.expression) }) },
      ],
      IGNORE_AMBIGUITIES: true,
      ...raise("statement-expected"),
    }),
  );

  // binding = ( "let" | "observe" | "probe" ) name "=" expression
  protected readonly binding = this.RULE("binding", (): Ast.Let | Ast.Observe | Ast.Probe => {
    const first = this.OR([
      { ALT: () => this.CONSUME(K.let) },
      { ALT: () => this.CONSUME(K.observe) },
      { ALT: () => this.CONSUME(K.probe) },
    ]);
    const name = this.SUBRULE(this.name);
    this.CONSUME(T.Equals, raise("binding-equals"));
    const value = this.SUBRULE(this.expression);
    return { kind: first.image as "let" | "observe" | "probe", name, value, span: this.from(first) };
  });

  // select = "select" name "to" expression "by" expression [ "," expression ] [ "leaving" expression ]
  protected readonly select = this.RULE("select", (): Ast.Select => {
    const first = this.CONSUME(K.select);
    const dim = this.SUBRULE(this.name);
    this.CONSUME(K.to, raise("select-to"));
    const to = this.SUBRULE(this.expression);
    this.CONSUME(K.by, raise("select-by"));
    const by = this.SUBRULE2(this.expression);
    const multiple = this.OPTION(() => {
      this.CONSUME(T.Comma);
      return this.SUBRULE3(this.expression);
    });
    const leaving = this.OPTION2(() => {
      this.CONSUME(K.leaving);
      return this.SUBRULE4(this.expression);
    });
    const more = { ...(multiple && { multiple }), ...(leaving && { leaving }) };
    return { kind: "select", dim, to, by, ...more, span: this.from(first) };
  });

  // rotate = "rotate" name "by" expression
  protected readonly rotate = this.RULE("rotate", (): Ast.Rotate => {
    const first = this.CONSUME(K.rotate);
    const name = this.SUBRULE(this.name);
    this.CONSUME(K.by, raise("rotate-by"));
    const by = this.SUBRULE(this.expression);
    return { kind: "rotate", name, by, span: this.from(first) };
  });

  // train = "train" expression "for" expression "on" parameter training "with" expression
  protected readonly train = this.RULE("train", (): Ast.Train => {
    const first = this.CONSUME(K.train);
    const weights = this.SUBRULE(this.expression);
    this.CONSUME(K.for, raise("train-for"));
    const steps = this.SUBRULE2(this.expression);
    this.CONSUME(K.on, raise("train-on"));
    const on = this.beforeBody(() => this.SUBRULE(this.parameter));
    const { body, minimise } = this.SUBRULE(this.training);
    this.CONSUME(K.with, raise("train-with"));
    const optimizer = this.SUBRULE3(this.expression);
    return { kind: "train", weights, steps, on, body, minimise, optimizer, span: this.from(first) };
  });

  // training = "{" { statement } "minimise" expression "}"
  protected readonly training = this.RULE(
    "training",
    (): { readonly body: Ast.Block; readonly minimise: Ast.Expression } => {
      const first = this.CONSUME(T.LBrace, raise("block-expected"));
      const depth = this.inside(first);
      const statements: Ast.Statement[] = [];
      this.MANY({
        GATE: () => this.LA(1).tokenType !== K.minimise,
        DEF: () => {
          const item = this.attempt(depth, () => this.SUBRULE(this.item));
          this.ACTION(() => {
            if (item?.kind === "value") this.stray(item.value);
            else if (item) statements.push(item);
            this.isRefused(depth);
          });
        },
      });
      this.CONSUME(K.minimise, raise("train-minimise"));
      const minimise = this.SUBRULE(this.expression);
      this.CONSUME(T.RBrace, raise("train-end"));
      return { body: { kind: "block", statements, span: this.from(first) }, minimise };
    },
  );

  // level = "each" name "as" name "{" { binding } [ "freeze" expression ] "}"
  protected readonly level: Rule<Ast.FeedbackLevel> = this.RULE("level", (): Ast.FeedbackLevel => {
    const first = this.CONSUME(K.each);
    const dim = this.SUBRULE(this.name);
    this.CONSUME(K.as, raise("level-as"));
    const as = this.SUBRULE2(this.name);
    this.CONSUME(T.LBrace, raise("block-expected"));
    const statements: Ast.Let[] = [];
    this.MANY(() => {
      statements.push(this.SUBRULE(this.let));
    });
    const freeze = this.OPTION(() => {
      this.CONSUME(K.freeze);
      return this.SUBRULE(this.expression);
    });
    this.CONSUME(T.RBrace, raise("level-end"));
    return { dim, as, statements, ...(freeze && { freeze }), span: this.from(first) };
  });

  // let = "let" name "=" expression
  protected readonly let = this.RULE("let", (): Ast.Let => {
    const first = this.CONSUME(K.let);
    const name = this.SUBRULE(this.name);
    this.CONSUME(T.Equals, raise("binding-equals"));
    const value = this.SUBRULE(this.expression);
    return { kind: "let", name, value, span: this.from(first) };
  });

  // state = "state" name ":" type "=" expression
  protected readonly state = this.RULE("state", (): Ast.State => {
    const first = this.CONSUME(K.state);
    const name = this.SUBRULE(this.name);
    this.CONSUME(T.Colon, raise("state-type"));
    const type = this.SUBRULE(this.type);
    this.CONSUME(T.Equals, raise("binding-equals"));
    const value = this.SUBRULE(this.expression);
    return { kind: "state", name, type, value, span: this.from(first) };
  });

  // expect = "expect" expression
  protected readonly expect = this.RULE("expect", (): Ast.Expect => {
    const first = this.CONSUME(K.expect);
    const condition = this.SUBRULE(this.expression);
    return { kind: "expect", condition, span: this.from(first) };
  });

  // report = "report" expression { "," expression }
  protected readonly report = this.RULE("report", (): Ast.Report => {
    const first = this.CONSUME(K.report);
    const values: Ast.Expression[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => values.push(this.SUBRULE(this.expression)) });
    return { kind: "report", values, span: this.from(first) };
  });

  // save = "save" name "as" expression
  protected readonly save = this.RULE("save", (): Ast.Save => {
    const first = this.CONSUME(K.save);
    const model = this.SUBRULE(this.name);
    this.CONSUME(K.as, raise("save-as"));
    const as = this.SUBRULE(this.expression);
    return { kind: "save", model, as, span: this.from(first) };
  });

  // vary = "vary" name "in" expression { "," name "in" expression }
  protected readonly vary = this.RULE("vary", (): Ast.Vary => {
    const first = this.CONSUME(K.vary);
    const axes: Ast.Vary["axes"][number][] = [];
    this.AT_LEAST_ONE_SEP({
      SEP: T.Comma,
      DEF: () => {
        const name = this.SUBRULE(this.name);
        this.CONSUME(K.in, raise("vary-in"));
        axes.push({ name, values: this.SUBRULE(this.expression) });
      },
    });
    return { kind: "vary", axes, span: this.from(first) };
  });

  // run = "run" call
  protected readonly run = this.RULE("run", (): Ast.Run => {
    const first = this.CONSUME(K.run);
    return { kind: "run", recipe: this.SUBRULE(this.call), span: this.from(first) };
  });

  // fit = "fit" name { "," name } "in" expression "=" expression
  protected readonly fit = this.RULE("fit", (): Ast.Fit => {
    const first = this.CONSUME(K.fit);
    const constants: Ast.Name[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => constants.push(this.SUBRULE(this.name)) });
    this.CONSUME(K.in, raise("fit-in"));
    const target = this.SUBRULE(this.expression);
    this.CONSUME(T.Equals, raise("fit-equals"));
    const law = this.SUBRULE2(this.expression);
    return { kind: "fit", constants, target, law, span: this.from(first) };
  });

  // plot = "plot" expression "against" expression
  protected readonly plot = this.RULE("plot", (): Ast.Plot => {
    const first = this.CONSUME(K.plot);
    const value = this.SUBRULE(this.expression);
    this.CONSUME(K.against, raise("plot-against"));
    return { kind: "plot", value, against: this.SUBRULE2(this.expression), span: this.from(first) };
  });

  // choose = "choose" "least" expression "with" expression
  protected readonly choose = this.RULE("choose", (): Ast.Choose => {
    const first = this.CONSUME(K.choose);
    this.CONSUME(K.least, raise("choose-least"));
    const least = this.SUBRULE(this.expression);
    this.CONSUME(K.with, raise("choose-with"));
    return { kind: "choose", least, condition: this.SUBRULE2(this.expression), span: this.from(first) };
  });
}
