/**
 * Productions of names, dimensions, types and parameters. A rule may not look into what a sub-rule returns, except inside
 * `ACTION`: chevrotain runs each rule once to record it.
 */
import { tokenMatcher } from "chevrotain";
import type * as Ast from "./ast.ts";
import { stringValue } from "./literals.ts";
import { RecoveringParser, type Rule, raise } from "./recovery.ts";
import { K, T } from "./tokens.ts";

/** Leaves `expression` to the class that knows operators. */
export abstract class TypeParser extends RecoveringParser {
  protected abstract readonly expression: Rule<Ast.Expression>;

  // name = any word that is not reserved
  protected readonly name = this.RULE("name", (): Ast.Name => {
    const token = this.CONSUME(T.Name, raise("name-expected"));
    return { text: token.image, span: this.at(token) };
  });

  // string = '"' { character | escape } '"'
  protected readonly string = this.RULE("string", (): Ast.StringLiteral => {
    const token = this.CONSUME(T.String, raise("string-expected"));
    return this.ACTION(() => ({ kind: "string", value: stringValue(token.image), span: this.at(token) }));
  });

  // names = name | "(" { name "," } ")"
  protected readonly names = this.RULE("names", (): Ast.Name[] => {
    const names: Ast.Name[] = [];
    const one = (): void => {
      names.push(this.SUBRULE(this.name));
    };
    const several = (): void => {
      this.CONSUME(T.LParen);
      this.row(T.RParen, "dimension-comma", () => {
        names.push(this.SUBRULE2(this.name));
      });
      this.CONSUME(T.RParen, raise("dimension-expected"));
    };
    this.OR({ DEF: [{ ALT: several }, { ALT: one }], ...raise("dimension-expected") });
    return names;
  });

  // stored = "[" ( "in" "," { name "," } "out" | { name "," } "out" "," "in" ) "]"
  protected readonly stored = this.RULE("stored", (): Pick<Ast.LinearDeclaration, "isInFirst" | "within"> => {
    this.CONSUME(T.LBracket);
    const isInFirst = this.OPTION(() => {
      this.CONSUME(K.in);
      this.CONSUME(T.Comma, raise("linear-stored"));
      return true as const;
    });
    const within: Ast.Name[] = [];
    this.MANY({
      GATE: () => this.LA(1).tokenType !== K.out,
      DEF: () => {
        within.push(this.SUBRULE(this.name));
        this.CONSUME2(T.Comma, raise("linear-stored"));
      },
    });
    this.CONSUME(K.out, raise("linear-stored"));
    if (!isInFirst) {
      this.CONSUME3(T.Comma, raise("linear-stored"));
      this.CONSUME2(K.in, raise("linear-stored"));
    }
    this.CONSUME(T.RBracket, raise("linear-stored"));
    return { ...(isInFirst && { isInFirst }), ...(within.length > 0 && { within }) };
  });

  // namedDim = name [ ":" expression | "=" parts ]
  protected readonly namedDim: Rule<Ast.NamedDim> = this.RULE("namedDim", (): Ast.NamedDim => {
    const first = this.LA(1);
    const name = this.SUBRULE(this.name);
    const more = this.OPTION(() =>
      this.OR([
        {
          ALT: () => {
            this.CONSUME(T.Colon);
            return { size: this.SUBRULE(this.expression) };
          },
        },
        {
          ALT: () => {
            this.CONSUME(T.Equals);
            return { parts: this.SUBRULE(this.parts) };
          },
        },
      ]),
    );
    return { kind: "dim-name", name, ...more, span: this.from(first) };
  });

  // parts = "(" { namedDim "," } ")"
  protected readonly parts = this.RULE("parts", (): Ast.NamedDim[] => {
    const parts: Ast.NamedDim[] = [];
    this.CONSUME(T.LParen, raise("parts-expected"));
    this.row(T.RParen, "dimension-comma", () => {
      parts.push(this.SUBRULE(this.namedDim));
    });
    this.CONSUME(T.RParen, raise("dimension-expected"));
    return parts;
  });

  // dims = "[" { ( "..." | namedDim ) "," } "]"
  protected readonly dims = this.RULE("dims", (): Ast.DimExpression[] => {
    const dims: Ast.DimExpression[] = [];
    this.CONSUME(T.LBracket, raise("tensor-dims"));
    this.row(T.RBracket, "dimension-comma", () => {
      dims.push(this.OR([{ ALT: () => this.SUBRULE(this.rest) }, { ALT: () => this.SUBRULE(this.namedDim) }]));
    });
    this.CONSUME(T.RBracket, raise("dimension-expected"));
    return dims;
  });

  // rest = "..."
  protected readonly rest = this.RULE(
    "rest",
    (): Ast.RestDim => ({ kind: "rest", span: this.at(this.CONSUME(T.Rest)) }),
  );

  // typeArguments = [ "(" { expression "," } ")" ]
  protected readonly typeArguments = this.RULE("typeArguments", (): Ast.Expression[] => {
    const values: Ast.Expression[] = [];
    this.OPTION(() => {
      this.CONSUME(T.LParen);
      this.row(T.RParen, "argument-comma", () => {
        values.push(this.SUBRULE(this.expression));
      });
      this.CONSUME(T.RParen, raise("argument-expected"));
    });
    return values;
  });

  // tensorType = name typeArguments dims
  protected readonly tensorType = this.RULE("tensorType", (): Ast.TensorTypeExpression => {
    const first = this.LA(1);
    const element = this.SUBRULE(this.name);
    const values = this.SUBRULE(this.typeArguments);
    const dims = this.SUBRULE(this.dims);
    return { kind: "tensor-type", element, arguments: values, dims, span: this.from(first) };
  });

  // type = name typeArguments [ dims | "in" expression "to" expression ]
  protected readonly type = this.RULE("type", (): Ast.TypeExpression => {
    const first = this.CONSUME(T.Name, raise("type-expected"));
    const name: Ast.Name = { text: first.image, span: this.at(first) };
    const values = this.SUBRULE(this.typeArguments);
    const dims = this.OPTION(() => this.SUBRULE(this.dims));
    const range = this.OPTION2({
      GATE: () => dims === undefined && this.startsPhrase(),
      DEF: () => {
        this.CONSUME(K.in);
        const from = this.beforeBody(() => this.SUBRULE(this.expression));
        this.CONSUME(K.to, raise("range-to"));
        return { from, to: this.beforeBody(() => this.SUBRULE2(this.expression)) };
      },
    });
    const span = this.from(first);
    return dims
      ? { kind: "tensor-type", element: name, arguments: values, dims, span }
      : { kind: "plain-type", name, arguments: values, ...(range && { range }), span };
  });

  // parameters = "(" { parameter "," } ")"; documentation stands above a parameter or after it on its line
  protected readonly parameters = this.RULE("parameters", (): Ast.Parameter[] => {
    const parameters: Ast.Parameter[] = [];
    this.CONSUME(T.LParen, raise("parameters-expected"));
    this.row(T.RParen, "parameter-comma", () => {
      parameters.push(this.SUBRULE(this.parameter));
    });
    this.CONSUME(T.RParen, raise("parameter-expected"));
    return parameters;
  });

  // parameter = [ "over" | "across" ] name [ ":" type ] [ "=" expression ]
  protected readonly parameter = this.RULE("parameter", (): Ast.Parameter => {
    const first = this.LA(1);
    const label = this.OPTION({
      GATE: () => tokenMatcher(this.LA(2), T.Name),
      DEF: () =>
        this.OR([{ ALT: () => this.CONSUME(K.over) }, { ALT: () => this.CONSUME(K.across) }]).image as
          | "over"
          | "across",
    });
    const name = this.SUBRULE(this.name);
    const type = this.OPTION2(() => {
      this.CONSUME(T.Colon);
      return this.SUBRULE(this.type);
    });
    const value = this.OPTION3(() => {
      this.CONSUME(T.Equals);
      return this.SUBRULE(this.expression);
    });
    return {
      name,
      doc: this.docAround(first),
      ...(label && { label }),
      ...(type && { type }),
      ...(value && { value }),
      span: this.from(first),
    };
  });
}
