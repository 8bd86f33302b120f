/** Productions of expressions: operators, calls, records, `repeat` and `feedback`. */
import type { IToken } from "chevrotain";
import type * as Ast from "./ast.ts";
import { numberLiteral, patternLiteral } from "./literals.ts";
import { chooseFirst, fold, type Piece } from "./operators.ts";
import { type Rule, raise } from "./recovery.ts";
import { K, T } from "./tokens.ts";
import { TypeParser } from "./types.ts";

/** Leaves `block` and `level` to the class that knows statements. */
export abstract class ExpressionParser extends TypeParser {
  protected abstract readonly block: Rule<Ast.Block>;
  protected abstract readonly level: Rule<Ast.FeedbackLevel>;

  // expression = repeat | feedback | where
  protected readonly expression: Rule<Ast.Expression> = this.RULE(
    "expression",
    (): Ast.Expression =>
      this.deeper(() =>
        this.OR({
          DEF: [
            { ALT: () => this.SUBRULE(this.repeat) },
            { ALT: () => this.SUBRULE(this.feedback) },
            { ALT: () => this.SUBRULE(this.where) },
          ],
          ...raise("value-expected"),
        }),
      ),
  );

  // repeat = "repeat" expression "from" expression [ "keeping" "least" expression ] block
  protected readonly repeat = this.RULE("repeat", (): Ast.Repeat => {
    const first = this.CONSUME(K.repeat);
    const { times, from, least } = this.beforeBody(() => {
      const times = this.SUBRULE(this.expression);
      this.CONSUME(K.from, raise("repeat-from"));
      const from = this.SUBRULE2(this.expression);
      const least = this.OPTION(() => {
        this.CONSUME(K.keeping);
        this.CONSUME(K.least, raise("keeping-least"));
        return this.SUBRULE3(this.expression);
      });
      return { times, from, least };
    });
    const body = this.SUBRULE(this.block);
    return { kind: "repeat", times, from, ...(least && { least }), body, span: this.from(first) };
  });

  // feedback = "feedback" expression "through" expression "along" namedDim "{" { level } "}" [ "then" expression ]
  protected readonly feedback = this.RULE("feedback", (): Ast.Feedback => {
    const first = this.CONSUME(K.feedback);
    const value = this.SUBRULE(this.expression);
    this.CONSUME(K.through, raise("feedback-through"));
    const through = this.SUBRULE2(this.expression);
    this.CONSUME(K.along, raise("feedback-along"));
    const along = this.beforeBody(() => this.SUBRULE(this.namedDim));
    this.CONSUME(T.LBrace, raise("feedback-levels"));
    const levels: Ast.FeedbackLevel[] = [];
    this.MANY(() => {
      levels.push(this.SUBRULE(this.level));
    });
    this.CONSUME(T.RBrace, raise("level-each"));
    const then = this.OPTION({
      GATE: () => this.startsPhrase(),
      DEF: () => {
        this.CONSUME(K.then);
        return this.SUBRULE3(this.expression);
      },
    });
    return { kind: "feedback", value, through, along, levels, ...(then && { then }), span: this.from(first) };
  });

  // where = operators { "where" operators [ "else" operators ] }; without `else` only the last may be
  protected readonly where: Rule<Ast.Expression> = this.RULE("where", (): Ast.Expression => {
    const values = [this.SUBRULE(this.operators)];
    const conditions: Ast.Expression[] = [];
    this.MANY({
      GATE: () => values.length > conditions.length,
      DEF: () => {
        this.CONSUME(K.where);
        conditions.push(this.SUBRULE2(this.operators));
        this.OPTION(() => {
          this.CONSUME(K.else);
          values.push(this.SUBRULE3(this.operators));
        });
      },
    });
    return this.ACTION(() => chooseFirst(values, conditions));
  });

  // operators = { prefix } postfix { operator { prefix } postfix }
  protected readonly operators = this.RULE("operators", (): Ast.Expression => {
    const row: Piece[] = [];
    this.MANY(() => row.push(this.SUBRULE(this.prefix)));
    row.push(this.SUBRULE(this.postfix));
    this.MANY2(() => {
      row.push(this.SUBRULE(this.operator));
      this.MANY3(() => row.push(this.SUBRULE2(this.prefix)));
      row.push(this.SUBRULE2(this.postfix));
    });
    return this.ACTION(() => fold(row));
  });

  // prefix = "-" | "not"
  protected readonly prefix = this.RULE("prefix", (): Piece => {
    const token = this.OR([{ ALT: () => this.CONSUME(T.Minus) }, { ALT: () => this.CONSUME(K.not) }]);
    return { kind: "operator", text: token.image as "-" | "not", span: this.at(token) };
  });

  // operator = "or" | "and" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "??" | "+" | "-" | "*" | "/" | "%" | "^"
  protected readonly operator = this.RULE("operator", (): Piece => {
    const token = this.OR(this.binaryOperators);
    return { kind: "operator", text: token.image as Ast.BinaryOp, span: this.at(token) };
  });
  private readonly binaryOperators = [
    K.or,
    K.and,
    T.Same,
    T.Differs,
    T.Less,
    T.AtMost,
    T.More,
    T.AtLeast,
    T.Lacking,
    T.Plus,
    T.Infix,
    T.Star,
    T.Slash,
    T.Percent,
    T.Caret,
  ].map((type) => ({ ALT: () => this.CONSUME(type) }));

  private startsFields(value: Ast.Expression): boolean {
    return this.LA(1).tokenType === T.FieldsBrace && value.kind === "call" && !this.bodyFollows;
  }

  // postfix = primary { "(" arguments ")" | "[" selections "]" | "." name | record }; only a call takes a record
  protected readonly postfix = this.RULE("postfix", (): Ast.Expression => {
    const first = this.LA(1);
    let value = this.SUBRULE(this.primary);
    this.MANY({
      GATE: () => this.LA(1).image !== "{" || this.startsFields(value),
      DEF: () => {
        value = this.OR([
          {
            ALT: (): Ast.Expression => ({
              kind: "call",
              callee: value,
              arguments: this.SUBRULE(this.arguments),
              span: this.from(first),
            }),
          },
          {
            ALT: (): Ast.Expression => ({
              kind: "index",
              value,
              selections: this.SUBRULE(this.selections),
              span: this.from(first),
            }),
          },
          {
            ALT: (): Ast.Expression => ({
              kind: "field",
              value,
              name: this.SUBRULE(this.field),
              span: this.from(first),
            }),
          },
          {
            ALT: (): Ast.Expression => ({
              kind: "construct",
              format: value as Ast.Call,
              record: this.SUBRULE(this.record),
              span: this.from(first),
            }),
          },
        ]);
      },
    });
    return value;
  });

  // field = "." name
  protected readonly field = this.RULE("field", (): Ast.Name => {
    this.CONSUME(T.Dot);
    return this.SUBRULE(this.name);
  });

  private startsChoice(): boolean {
    return this.LA(2).tokenType === K.of && this.LA(3).image === "[";
  }

  // primary = number | pattern | string | "true" | "false" | name | "(" expression ")" | list | record | "one" "of" list
  protected readonly primary = this.RULE("primary", (): Ast.Expression => {
    const first = this.LA(1);
    const span = this.at(first);
    return this.OR({
      DEF: [
        { ALT: () => this.literal(this.CONSUME(T.Number), (image) => numberLiteral(image, span)) },
        { ALT: () => this.literal(this.CONSUME(T.Pattern), (image) => patternLiteral(image, span)) },
        { ALT: () => this.SUBRULE(this.string) },
        { ALT: (): Ast.Expression => ({ kind: "boolean", value: this.CONSUME(K.true).image === "true", span }) },
        { ALT: (): Ast.Expression => ({ kind: "boolean", value: this.CONSUME(K.false).image === "true", span }) },
        { GATE: () => this.startsChoice(), ALT: () => this.SUBRULE(this.oneOf) },
        { ALT: (): Ast.Expression => ({ kind: "name", text: this.CONSUME(T.Name).image, span }) },
        { ALT: () => this.SUBRULE(this.group) },
        { ALT: () => this.SUBRULE(this.list) },
        { ALT: () => this.SUBRULE(this.record) },
      ],
      IGNORE_AMBIGUITIES: true,
      ...raise("value-expected"),
    });
  });

  private literal(token: IToken, read: (image: string) => Ast.Expression): Ast.Expression {
    return this.ACTION(() => read(token.image));
  }

  // group = "(" expression ")"
  protected readonly group = this.RULE("group", (): Ast.Expression => {
    const first = this.CONSUME(T.LParen);
    const value = this.inBrackets(() => this.SUBRULE(this.expression));
    this.CONSUME(T.RParen, raise("group-end"));
    return { ...value, span: this.from(first) };
  });

  // list = "[" { expression "," } "]"; the last comma may be left out, here and in all rows between brackets
  protected readonly list = this.RULE("list", (): Ast.List => {
    const first = this.CONSUME(T.LBracket);
    const items: Ast.Expression[] = [];
    this.row(T.RBracket, "list-comma", () => {
      items.push(this.SUBRULE(this.expression));
    });
    this.CONSUME(T.RBracket, raise("value-expected"));
    return { kind: "list", items, span: this.from(first) };
  });

  // oneOf = "one" "of" list
  protected readonly oneOf = this.RULE("oneOf", (): Ast.OneOf => {
    const first = this.CONSUME(K.one);
    this.CONSUME(K.of);
    return { kind: "one-of", values: this.SUBRULE(this.list), span: this.from(first) };
  });

  // record = "{" { recordField "," } "}"
  protected readonly record = this.RULE("record", (): Ast.RecordExpression => {
    const first = this.CONSUME(T.LBrace);
    const fields: Ast.RecordField[] = [];
    this.row(T.RBrace, "record-comma", () => {
      fields.push(this.SUBRULE(this.recordField));
    });
    this.CONSUME(T.RBrace, raise("field-expected"));
    return { kind: "record", fields, span: this.from(first) };
  });

  // recordField = "..." expression | name [ ":" expression ]
  protected readonly recordField = this.RULE("recordField", (): Ast.RecordField => {
    const first = this.LA(1);
    return this.OR([
      {
        ALT: (): Ast.RecordField => {
          this.CONSUME(T.Rest);
          return { kind: "spread", value: this.SUBRULE(this.expression), span: this.from(first) };
        },
      },
      {
        ALT: (): Ast.RecordField => {
          const name = this.SUBRULE(this.name);
          const value = this.OPTION(() => {
            this.CONSUME(T.Colon);
            return this.SUBRULE2(this.expression);
          });
          return { kind: "entry", name, ...(value && { value }), span: this.from(first) };
        },
      },
    ]);
  });

  // arguments = "(" { argument "," } ")"
  protected readonly arguments = this.RULE("arguments", (): Ast.Argument[] => {
    this.CONSUME(T.CallParen, raise("call-arguments"));
    const values: Ast.Argument[] = [];
    this.row(T.RParen, "argument-comma", () => {
      values.push(this.SUBRULE(this.argument));
    });
    this.CONSUME(T.RParen, raise("argument-expected"));
    return values;
  });

  private startsMapping(): boolean {
    return this.LA(1).tokenType === T.MapParen || this.LA(2).tokenType === T.Arrow;
  }

  // argument = ( "over" | "across" ) names | names "->" dims | name ":" expression | expression
  protected readonly argument = this.RULE("argument", (): Ast.Argument => {
    const first = this.LA(1);
    return this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.over) },
        { GATE: () => this.startsMapping(), ALT: () => this.SUBRULE(this.mapping) },
        {
          ALT: (): Ast.Argument => {
            const name = this.SUBRULE(this.name);
            this.CONSUME(T.Colon);
            return { kind: "value", name, value: this.SUBRULE(this.expression), span: this.from(first) };
          },
        },
        { ALT: (): Ast.Argument => ({ kind: "value", value: this.SUBRULE2(this.expression), span: this.from(first) }) },
      ],
      IGNORE_AMBIGUITIES: true,
    });
  });

  // over = ( "over" | "across" ) names
  protected readonly over = this.RULE("over", (): Ast.OverArgument => {
    const label = this.OR([{ ALT: () => this.CONSUME(K.over) }, { ALT: () => this.CONSUME(K.across) }]);
    return {
      kind: "over",
      label: label.image as "over" | "across",
      dims: this.SUBRULE(this.names),
      span: this.from(label),
    };
  });

  // mapping = names "->" ( namedDim | "(" { namedDim "," } ")" )
  protected readonly mapping = this.RULE("mapping", (): Ast.MappingArgument => {
    const first = this.LA(1);
    const from = this.SUBRULE(this.names);
    this.CONSUME(T.Arrow);
    const to = this.OR([{ ALT: () => this.SUBRULE(this.parts) }, { ALT: () => [this.SUBRULE(this.namedDim)] }]);
    return { kind: "mapping", from, to, span: this.from(first) };
  });

  // selections = "[" { name ":" expression [ ".." expression "as" name ] "," } "]"
  protected readonly selections = this.RULE("selections", (): Ast.Index["selections"] => {
    this.CONSUME(T.IndexBracket);
    const selections: (Ast.Pick | Ast.Slice)[] = [];
    this.row(T.RBracket, "selection-comma", () => {
      selections.push(this.SUBRULE(this.selection));
    });
    this.CONSUME(T.RBracket, raise("index-dimension"));
    return selections;
  });

  // selection = name ":" expression [ ".." expression "as" name ]
  protected readonly selection = this.RULE("selection", (): Ast.Pick | Ast.Slice => {
    const dim = this.SUBRULE(this.name);
    this.CONSUME(T.Colon, raise("selection-colon"));
    const at = this.SUBRULE(this.expression);
    const slice = this.OPTION(() => {
      this.CONSUME(T.Range);
      const to = this.SUBRULE2(this.expression);
      this.CONSUME(K.as, raise("slice-as"));
      return { to, as: this.SUBRULE2(this.name) };
    });
    return this.ACTION(() => {
      const span = { ...dim.span, end: (slice?.as ?? at).span.end };
      return slice ? { kind: "slice", dim, from: at, ...slice, span } : { kind: "pick", dim, at, span };
    });
  });
}
