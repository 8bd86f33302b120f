/** Productions of declarations: the whole grammar stands in `types.ts`, `expressions.ts`, `statements.ts` and here. */
import type { IRecognitionException, IToken } from "chevrotain";
import type * as Ast from "./ast.ts";
import { Mistake } from "./operators.ts";
import { mistake } from "./problem.ts";
import { type Rule, raise } from "./recovery.ts";
import type { SourceFile } from "./source.ts";
import { StatementParser } from "./statements.ts";
import { K, memberWords, moduleWords, T } from "./tokens.ts";

/** What came out of one file. */
export interface Parsed {
  readonly imports: readonly Ast.Import[];
  readonly declarations: readonly Ast.Declaration[];
  readonly problems: readonly (Mistake | IRecognitionException)[];
  /** Offsets of the `///` comments that the tree took up. */
  readonly documented: ReadonlySet<number>;
}

/** Reads one file after another; keeps nothing of the one before. */
export class Parser extends StatementParser {
  constructor(skipValidations = true) {
    super(skipValidations);
    this.performSelfAnalysis();
  }

  /** Reads a file whose tokens `layOut` has prepared. */
  read(file: SourceFile, tokens: readonly IToken[]): Parsed {
    this.begin(file, tokens);
    const { imports, declarations } = this.module();
    return { imports, declarations, problems: [...this.problems, ...this.errors], documented: this.documented };
  }

  /** Reports what is no declaration. */
  private refuseOutside(): void {
    if (this.LA(1).tokenType !== T.End && !this.startsWord(moduleWords)) this.refuse("declaration-expected", 0);
  }

  /** Reports what is no member of an architecture. */
  private refuseMember(depth: number): void {
    if (!this.endsBlock() && !this.startsWord(["fn", ...memberWords])) this.refuse("member-expected", depth);
  }

  private startsWord(words: readonly string[]): boolean {
    return words.includes(this.LA(1).image);
  }

  // module = { import } { declaration }
  protected readonly module = this.RULE("module", (): Pick<Parsed, "imports" | "declarations"> => {
    const imports: Ast.Import[] = [];
    const declarations: Ast.Declaration[] = [];
    this.ACTION(() => this.refuseOutside());
    this.MANY(() => {
      const item = this.attempt(0, () => this.SUBRULE(this.declaration));
      this.ACTION(() => {
        if (item?.kind === "import") imports.push(item);
        else if (item) declarations.push(item);
        if (item?.kind === "import" && declarations[0])
          this.problems.push(
            new Mistake(
              mistake("late-import", item.span, "import", { span: declarations[0].name.span, text: "declared before" }),
            ),
          );
        this.refuseOutside();
      });
    });
    this.CONSUME(T.End, raise("declaration-expected"));
    return { imports, declarations };
  });

  // declaration = import | fn | format | arch | method | optimizer | recipe | study
  protected readonly declaration = this.RULE("declaration", (): Ast.Import | Ast.Declaration =>
    this.OR([
      { ALT: () => this.SUBRULE(this.import) },
      { ALT: () => this.SUBRULE(this.fn) },
      { ALT: () => this.SUBRULE(this.format) },
      { ALT: () => this.SUBRULE(this.arch) },
      { ALT: () => this.SUBRULE(this.method) },
      { ALT: () => this.SUBRULE(this.optimizer) },
      { ALT: () => this.SUBRULE(this.recipe) },
      { ALT: () => this.SUBRULE(this.study) },
    ]),
  );

  // import = "import" "{" { name "," } "}" "from" string
  protected readonly import = this.RULE("import", (): Ast.Import => {
    const first = this.CONSUME(K.import);
    const names: Ast.Name[] = [];
    this.CONSUME(T.LBrace, raise("import-names"));
    this.row(T.RBrace, "import-comma", () => {
      names.push(this.SUBRULE(this.name));
    });
    this.CONSUME(T.RBrace, raise("name-expected"));
    this.CONSUME(K.from, raise("import-from"));
    const from = this.SUBRULE(this.string);
    return { kind: "import", names, from, span: this.from(first) };
  });

  // fn = "fn" name parameters [ "->" type ] ( "=" expression | block )
  protected readonly fn = this.RULE("fn", (): Ast.Fn => {
    const first = this.CONSUME(K.fn);
    const name = this.SUBRULE(this.name);
    const parameters = this.SUBRULE(this.parameters);
    const result = this.OPTION(() => {
      this.CONSUME(T.Arrow);
      return this.SUBRULE(this.type);
    });
    const body = this.OR({
      DEF: [
        {
          ALT: () => {
            this.CONSUME(T.Equals);
            return this.SUBRULE(this.expression);
          },
        },
        { ALT: () => this.SUBRULE(this.block) },
      ],
      ...raise("fn-body"),
    });
    return {
      kind: "fn",
      name,
      doc: this.doc(first),
      parameters,
      ...(result && { result }),
      body,
      span: this.from(first),
    };
  });

  // format = "format" name parameters "of" tensorType [ "by" name ] "{" { name ":" type } "decode" "=" expression "}"
  protected readonly format = this.RULE("format", (): Ast.Format => {
    const first = this.CONSUME(K.format);
    const name = this.SUBRULE(this.name);
    const parameters = this.SUBRULE(this.parameters);
    this.CONSUME(K.of, raise("format-of"));
    const of = this.SUBRULE(this.tensorType);
    const by = this.OPTION(() => {
      this.CONSUME(K.by);
      return this.SUBRULE3(this.name);
    });
    this.CONSUME(T.LBrace, raise("block-expected"));
    const fields: Ast.Format["fields"][number][] = [];
    this.MANY({
      GATE: () => this.LA(1).tokenType !== K.decode || this.LA(2).tokenType !== T.Equals,
      DEF: () => {
        const field = this.SUBRULE2(this.name);
        this.CONSUME(T.Colon, raise("field-type"));
        fields.push({ name: field, type: this.SUBRULE(this.type) });
      },
    });
    this.CONSUME(K.decode, raise("format-decode"));
    this.CONSUME(T.Equals, raise("binding-equals"));
    const decode = this.SUBRULE(this.expression);
    this.CONSUME(T.RBrace, raise("format-end"));
    return {
      kind: "format",
      name,
      doc: this.doc(first),
      parameters,
      of,
      ...(by && { by }),
      fields,
      decode,
      span: this.from(first),
    };
  });

  // arch = "arch" name [ "from" name ] "for" string { "," string } members
  protected readonly arch = this.RULE("arch", (): Ast.Arch => {
    const first = this.CONSUME(K.arch);
    const name = this.SUBRULE(this.name);
    const from = this.OPTION(() => {
      this.CONSUME(K.from);
      return this.SUBRULE2(this.name);
    });
    this.CONSUME(K.for, raise("arch-for"));
    const architectures: Ast.StringLiteral[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: T.Comma, DEF: () => architectures.push(this.SUBRULE(this.string)) });
    const members = this.SUBRULE(this.members);
    return {
      kind: "arch",
      name,
      doc: this.doc(first),
      ...(from && { from }),
      architectures,
      members,
      span: this.from(first),
    };
  });

  // members = "{" { member } "}"
  protected readonly members = this.RULE("members", (): Ast.ArchMember[] => {
    const first = this.CONSUME(T.LBrace, raise("block-expected"));
    const depth = this.inside(first);
    const members: Ast.ArchMember[] = [];
    this.ACTION(() => this.refuseMember(depth));
    this.MANY(() => {
      const member = this.attempt(depth, () => this.SUBRULE(this.member));
      this.ACTION(() => {
        if (member) members.push(member);
        this.refuseMember(depth);
      });
    });
    this.CONSUME(T.RBrace, raise("member-expected"));
    return members;
  });

  // member = dim | weight | linear | blocks | ignore | fn
  protected readonly member = this.RULE(
    "member",
    (): Ast.ArchMember =>
      this.OR([
        { ALT: () => this.SUBRULE(this.dim) },
        { ALT: () => this.SUBRULE(this.weight) },
        { ALT: () => this.SUBRULE(this.linear) },
        { ALT: () => this.SUBRULE(this.blocks) },
        { ALT: () => this.SUBRULE(this.ignore) },
        { ALT: () => this.SUBRULE(this.fn) },
      ]),
  );

  // dim = "dim" name "=" expression
  protected readonly dim = this.RULE("dim", (): Ast.DimDeclaration => {
    const first = this.CONSUME(K.dim);
    const name = this.SUBRULE(this.name);
    this.CONSUME(T.Equals, raise("binding-equals"));
    const value = this.SUBRULE(this.expression);
    return { kind: "dim", name, doc: this.doc(first), value, span: this.from(first) };
  });

  // weight = ( "weight" | "table" ) name ":" type "at" string
  protected readonly weight = this.RULE("weight", (): Ast.WeightDeclaration => {
    const first = this.OR([{ ALT: () => this.CONSUME(K.weight) }, { ALT: () => this.CONSUME(K.table) }]);
    const name = this.SUBRULE(this.name);
    this.CONSUME(T.Colon, raise("weight-type"));
    const type = this.SUBRULE(this.type);
    const at = this.SUBRULE(this.place);
    return { kind: first.image as "weight" | "table", name, doc: this.doc(first), type, at, span: this.from(first) };
  });

  // place = "at" string
  protected readonly place = this.RULE("place", (): Ast.StringLiteral => {
    this.CONSUME(K.at, raise("place-at"));
    return this.SUBRULE(this.string);
  });

  // linear = "linear" name ":" names "->" names place [ stored ] [ "where" expression ] [ "bias" "where" expression ] [ tied ]
  protected readonly linear = this.RULE("linear", (): Ast.LinearDeclaration => {
    const first = this.CONSUME(K.linear);
    const name = this.SUBRULE(this.name);
    this.CONSUME(T.Colon, raise("linear-dims"));
    const from = this.SUBRULE(this.names);
    this.CONSUME(T.Arrow, raise("linear-arrow"));
    const to = this.SUBRULE2(this.names);
    const at = this.SUBRULE(this.place);
    const stored = this.OPTION(() => this.SUBRULE(this.stored));
    const present = this.OPTION2(() => {
      this.CONSUME(K.where);
      return this.SUBRULE(this.expression);
    });
    const bias = this.OPTION3(() => {
      this.CONSUME(K.bias);
      this.CONSUME2(K.where, raise("linear-bias"));
      return this.SUBRULE2(this.expression);
    });
    const tied = this.OPTION4(() => this.SUBRULE(this.tied));
    const where = { ...(present && { present }), ...(bias && { bias }) };
    const more = { ...stored, ...where, ...(tied && { tied }) };
    return { kind: "linear", name, doc: this.doc(first), from, to, at, ...more, span: this.from(first) };
  });

  // tied = "|" "tied" name [ "where" expression ]
  protected readonly tied = this.RULE("tied", (): NonNullable<Ast.LinearDeclaration["tied"]> => {
    this.CONSUME(T.Bar);
    this.CONSUME(K.tied, raise("linear-tied"));
    const table = this.SUBRULE(this.name);
    const condition = this.OPTION(() => {
      this.CONSUME(K.where);
      return this.SUBRULE(this.expression);
    });
    return { name: table, ...(condition && { condition }) };
  });

  // blocks = "blocks" name ":" [ expression ".." ] expression place members
  protected readonly blocks: Rule<Ast.Blocks> = this.RULE("blocks", (): Ast.Blocks => {
    const first = this.CONSUME(K.blocks);
    const name = this.SUBRULE(this.name);
    this.CONSUME(T.Colon, raise("blocks-count"));
    const one = this.SUBRULE(this.expression);
    const other = this.OPTION(() => {
      this.CONSUME(T.Range);
      return this.SUBRULE2(this.expression);
    });
    const range = other ? { from: one, to: other } : { to: one };
    const at = this.SUBRULE(this.place);
    const members = this.SUBRULE(this.members);
    return { kind: "blocks", name, doc: this.doc(first), ...range, at, members, span: this.from(first) };
  });

  // ignore = "ignore" string
  protected readonly ignore = this.RULE("ignore", (): Ast.Ignore => {
    const first = this.CONSUME(K.ignore);
    return { kind: "ignore", at: this.SUBRULE(this.string), span: this.from(first) };
  });

  // method = "method" name parameters "on" name parameters [ "from" name ] block
  protected readonly method = this.RULE("method", (): Ast.Method => {
    const first = this.CONSUME(K.method);
    const name = this.SUBRULE(this.name);
    const parameters = this.SUBRULE(this.parameters);
    this.CONSUME(K.on, raise("method-on"));
    const on = this.SUBRULE2(this.name);
    const sees = this.SUBRULE2(this.parameters);
    const from = this.OPTION(() => {
      this.CONSUME(K.from);
      return this.SUBRULE3(this.name);
    });
    const body = this.SUBRULE(this.block);
    return {
      kind: "method",
      name,
      doc: this.doc(first),
      parameters,
      on,
      sees,
      ...(from && { from }),
      body,
      span: this.from(first),
    };
  });

  // optimizer = "optimizer" name parameters [ "for" type [ "," "otherwise" call ] ] block
  protected readonly optimizer = this.RULE("optimizer", (): Ast.Optimizer => {
    const first = this.CONSUME(K.optimizer);
    const name = this.SUBRULE(this.name);
    const parameters = this.SUBRULE(this.parameters);
    const of = this.OPTION(() => {
      this.CONSUME(K.for);
      return this.SUBRULE(this.type);
    });
    const otherwise = this.OPTION2(() => {
      this.CONSUME(T.Comma);
      this.CONSUME(K.otherwise, raise("optimizer-otherwise"));
      return this.SUBRULE(this.call);
    });
    const body = this.SUBRULE(this.block);
    const rest = { ...(of && { of }), ...(otherwise && { otherwise }) };
    return { kind: "optimizer", name, doc: this.doc(first), parameters, ...rest, body, span: this.from(first) };
  });

  // recipe = "recipe" name parameters block
  protected readonly recipe = this.RULE("recipe", (): Ast.Recipe => {
    const first = this.CONSUME(K.recipe);
    const name = this.SUBRULE(this.name);
    const parameters = this.SUBRULE(this.parameters);
    return {
      kind: "recipe",
      name,
      doc: this.doc(first),
      parameters,
      body: this.SUBRULE(this.block),
      span: this.from(first),
    };
  });

  // study = "study" name parameters block
  protected readonly study = this.RULE("study", (): Ast.Study => {
    const first = this.CONSUME(K.study);
    const name = this.SUBRULE(this.name);
    const parameters = this.SUBRULE(this.parameters);
    return {
      kind: "study",
      name,
      doc: this.doc(first),
      parameters,
      body: this.SUBRULE(this.block),
      span: this.from(first),
    };
  });
}
