/** Trees of the grammar, drawn at random. */
import fc, { type Arbitrary } from "fast-check";
import type * as Ast from "../../grammar/ast.ts";
import { numberLiteral, patternLiteral } from "../../grammar/literals.ts";

const span = { file: { path: "generated", text: "" }, start: 0, end: 0 };
type Optional<T> = { [K in keyof T]-?: undefined extends T[K] ? K : never }[keyof T];

/** A node of a kind; the fields named in `optional` are left out at random. */
const node = <T extends { readonly span: Ast.Name["span"] }>(
  fields: { [K in keyof Omit<T, "span">]-?: Arbitrary<NonNullable<T[K]>> },
  ...optional: Optional<T>[]
): Arbitrary<T> => {
  const required = Object.keys(fields).filter((key) => !(optional as string[]).includes(key));
  return fc
    .record(fields as Record<string, Arbitrary<unknown>>, { requiredKeys: required })
    .map((drawn) => ({ ...drawn, span }) as unknown as T);
};
const kind = <K extends string>(name: K): Arbitrary<K> => fc.constant(name);
const few = <T>(item: Arbitrary<T>, least = 0): Arbitrary<T[]> => fc.array(item, { minLength: least, maxLength: 3 });

const word = fc.constantFrom(
  "x",
  "in",
  "in'",
  "out''",
  "over",
  "across",
  "on",
  "from",
  "of",
  "for",
  "to",
  "by",
  "as",
  "with",
  "least",
  "select",
  "rotate",
  "table",
  "weight",
  "linear",
  "block",
  "blocks",
  "model",
  "run",
  "fit",
  "state",
  "stage",
  "report",
  "expect",
  "at",
  "layer",
  "text",
  "sample",
  "step",
  "each",
  "freeze",
  "decode",
  "minimise",
  "then",
  "keeping",
  "except",
  "observe",
  "probe",
  "train",
  "plot",
  "choose",
  "vary",
  "save",
  "format",
  "recipe",
  "dim",
  "tied",
  "otherwise",
  "along",
  "through",
  "against",
  "_a1",
  "lowest",
  "MiB",
);
const name = word.map((text): Ast.Name => ({ text, span }));
const doc = fc.constantFrom("", "", "One line.", "Two lines:\n`a` / b", "/ odd // one", "above\n\nbelow");
const string = fc
  .oneof(fc.constantFrom("model.{layer}", "std/nn", ""), fc.string({ unit: "binary", maxLength: 8 }))
  .map((value): Ast.StringLiteral => ({ kind: "string", value, span }));
const number = fc
  .constantFrom(
    "0",
    "3",
    "12",
    "0.5",
    "4.7750",
    "1e-7",
    "2E+3",
    "50%",
    "2.5%",
    "512 MiB",
    "1 KiB",
    "2 GiB",
    "3 TiB",
    "4 kB",
    "5 TB",
  )
  .map((image) => numberLiteral(image, span));
const pattern = fc.constantFrom("2:4", "1:16").map((image) => patternLiteral(image, span));
const op = fc.constantFrom(..."+ - * / % ^ == != < <= > >= and or ??".split(" ")) as Arbitrary<Ast.BinaryOp>;

interface Trees {
  readonly expression: Ast.Expression;
  readonly call: Ast.Call;
  readonly record: Ast.RecordExpression;
  readonly argument: Ast.Argument;
  readonly namedDim: Ast.NamedDim;
  readonly tensorType: Ast.TensorTypeExpression;
  readonly type: Ast.TypeExpression;
  readonly parameter: Ast.Parameter;
  readonly block: Ast.Block;
  readonly statement: Ast.Statement;
  readonly let: Ast.Let;
  readonly level: Ast.FeedbackLevel;
}

const entry = (value: Arbitrary<Ast.Expression>): Arbitrary<Ast.RecordField> =>
  fc.oneof(
    node<Extract<Ast.RecordField, { kind: "entry" }>>({ kind: kind("entry"), name, value }, "value"),
    node<Extract<Ast.RecordField, { kind: "spread" }>>({ kind: kind("spread"), value }),
  );

const blocks = (value: Arbitrary<Ast.Expression>): Arbitrary<Ast.BlockRange> =>
  fc.oneof(
    node<Omit<Ast.BlockRange, "by">>({ from: value, to: value }, "to"),
    node<Ast.BlockRange>({ from: value, to: value, by: value }),
  );

const selector = (value: Arbitrary<Ast.Expression>): Arbitrary<Ast.Selector> => {
  const step = fc.record(
    {
      name: fc.oneof(name, fc.constant<Ast.Name>({ text: "*", span })),
      blocks: few(blocks(value), 1),
    },
    { requiredKeys: ["name"] },
  ) as Arbitrary<Ast.Selector["path"][number]>;
  return node<Ast.Selector>({ kind: kind("selector"), path: few(step, 1) });
};

const candidate = (call: Arbitrary<Ast.Call>) =>
  node<Ast.Candidate>({ methods: few(call, 1), keeping: name }, "keeping");

const nameExpression = word.map((text): Ast.NameExpression => ({ kind: "name", text, span }));

const list = (value: Arbitrary<Ast.Expression>) => node<Ast.List>({ kind: kind("list"), items: few(value) });

const expressions = (tie: fc.LetrecTypedTie<Trees>): Arbitrary<Ast.Expression> => {
  const value = tie("expression");
  const block = tie("block");
  return fc.oneof(
    { depthSize: "small", withCrossShrink: true, maxDepth: 5 },
    nameExpression,
    number,
    pattern,
    string,
    fc.boolean().map((drawn): Ast.BooleanLiteral => ({ kind: "boolean", value: drawn, span })),
    list(value),
    node<Ast.OneOf>({ kind: kind("one-of"), values: list(value) }),
    node<Ast.Unary>({ kind: kind("unary"), op: fc.constantFrom("-", "not"), value }),
    node<Ast.Binary>({ kind: kind("binary"), op, left: value, right: value }),
    node<Ast.Where>({ kind: kind("where"), value, condition: value, otherwise: value }, "otherwise"),
    tie("call"),
    node<Ast.Index>({
      kind: kind("index"),
      value,
      selections: few(
        fc.oneof(
          node<Ast.Pick>({ kind: kind("pick"), dim: name, at: value }),
          node<Ast.Slice>({ kind: kind("slice"), dim: name, from: value, to: value, as: name }),
        ),
      ),
    }),
    node<Ast.Field>({ kind: kind("field"), value, name }),
    tie("record"),
    node<Ast.Construct>({ kind: kind("construct"), format: tie("call"), record: tie("record") }),
    node<Ast.Repeat>({ kind: kind("repeat"), times: value, from: value, least: value, body: block }, "least"),
    node<Ast.Feedback>(
      {
        kind: kind("feedback"),
        value,
        through: value,
        along: tie("namedDim"),
        levels: few(tie("level")),
        // biome-ignore lint/suspicious/noThenProperty: the field of the tree
        then: value,
      },
      "then",
    ),
  );
};

const statements = (tie: fc.LetrecTypedTie<Trees>): Arbitrary<Ast.Statement> => {
  const value = tie("expression");
  const call = node<Ast.Call>({ kind: kind("call"), callee: nameExpression, arguments: few(tie("argument")) });
  const lines = node<Ast.Block>({ kind: kind("block"), statements: few(tie("let")), result: value }, "result").map(
    ({ statements }): Ast.Block => ({ kind: "block", statements, span }),
  );
  return fc.oneof(
    tie("let"),
    node<Ast.Observe>({ kind: kind("observe"), name, value }),
    node<Ast.Probe>({ kind: kind("probe"), name, value }),
    node<Ast.Select>(
      { kind: kind("select"), dim: name, to: value, by: value, multiple: value, leaving: value },
      "multiple",
      "leaving",
    ),
    node<Ast.Rotate>({ kind: kind("rotate"), name, by: value }),
    node<Ast.Train>({
      kind: kind("train"),
      weights: value,
      steps: value,
      on: tie("parameter").map((parameter) => ({ ...parameter, doc: "" })),
      body: lines,
      minimise: value,
      optimizer: value,
    }),
    node<Ast.State>({ kind: kind("state"), name, type: tie("type"), value }),
    node<Ast.Stage>(
      {
        kind: kind("stage"),
        name,
        method: call,
        of: name,
        decode: fc.constant(true as const),
        over: value,
        selectors: few(selector(value)),
        except: few(selector(value)),
        keeping: name,
        among: few(candidate(call), 1),
      },
      "decode",
      "over",
      "keeping",
      "among",
    ),
    node<Ast.Expect>({ kind: kind("expect"), condition: value }),
    node<Ast.Report>({ kind: kind("report"), values: few(value, 1) }),
    node<Ast.Save>({ kind: kind("save"), model: name, as: value }),
    node<Ast.Vary>({ kind: kind("vary"), axes: few(fc.record({ name, values: value }), 1) }),
    node<Ast.Run>({ kind: kind("run"), recipe: call }),
    node<Ast.Fit>({ kind: kind("fit"), constants: few(name, 1), target: value, law: value }),
    node<Ast.Plot>({ kind: kind("plot"), value, against: value }),
    node<Ast.Choose>({ kind: kind("choose"), least: value, condition: value }),
  );
};

const trees = fc.letrec<Trees>((tie: fc.LetrecTypedTie<Trees>) => {
  const value = tie("expression");
  const dims = few(fc.oneof(tie("namedDim"), node<Ast.RestDim>({ kind: kind("rest") })));
  const plain = node<Ast.PlainTypeExpression>(
    { kind: kind("plain-type"), name, arguments: few(value), range: fc.record({ from: value, to: value }) },
    "range",
  );
  const named = node<Ast.NamedDim>(
    { kind: kind("dim-name"), name, size: value, parts: few(tie("namedDim")) },
    "size",
    "parts",
  );
  return {
    expression: expressions(tie),
    call: node<Ast.Call>({ kind: kind("call"), callee: value, arguments: few(tie("argument")) }),
    record: node<Ast.RecordExpression>({ kind: kind("record"), fields: few(entry(value)) }),
    argument: fc.oneof(
      node<Ast.ValueArgument>({ kind: kind("value"), name, value }, "name"),
      node<Ast.OverArgument>({ kind: kind("over"), label: fc.constantFrom("over", "across"), dims: few(name, 1) }),
      node<Ast.MappingArgument>({ kind: kind("mapping"), from: few(name, 1), to: few(tie("namedDim"), 1) }),
    ),
    namedDim: fc.oneof(
      { maxDepth: 3 },
      node<Ast.NamedDim>({ kind: kind("dim-name"), name, size: value, parts: fc.constant([]) }, "size", "parts").map(
        ({ name: text }): Ast.NamedDim => ({ kind: "dim-name", name: text, span }),
      ),
      named.map(({ parts, ...dim }): Ast.NamedDim => (dim.size || !parts ? dim : { ...dim, parts })),
    ),
    tensorType: node<Ast.TensorTypeExpression>({
      kind: kind("tensor-type"),
      element: name,
      arguments: few(value),
      dims,
    }),
    type: fc.oneof(tie("tensorType"), plain),
    parameter: node<Ast.Parameter>(
      { name, doc, label: fc.constantFrom("over", "across"), type: tie("type"), value },
      "label",
      "type",
      "value",
    ),
    block: node<Ast.Block>({ kind: kind("block"), statements: few(tie("statement")), result: value }, "result"),
    statement: statements(tie),
    let: node<Ast.Let>({ kind: kind("let"), name, value }),
    level: node<Ast.FeedbackLevel>({ dim: name, as: name, statements: few(tie("let")), freeze: value }, "freeze"),
  };
});

const parameters = few(trees.parameter);
const fn = node<Ast.Fn>(
  { kind: kind("fn"), name, doc, parameters, result: trees.type, body: fc.oneof(trees.block, trees.expression) },
  "result",
);
const tied = fc.record({ name, condition: trees.expression }, { requiredKeys: ["name"] });
const { members } = fc.letrec<{ readonly member: Ast.ArchMember; readonly members: Ast.ArchMember[] }>((tie) => ({
  members: few(tie("member")),
  member: fc.oneof(
    { maxDepth: 2 },
    node<Ast.DimDeclaration>({ kind: kind("dim"), name, doc, value: trees.expression }),
    node<Ast.WeightDeclaration>({ kind: fc.constantFrom("weight", "table"), name, doc, type: trees.type, at: string }),
    node<Ast.LinearDeclaration>(
      {
        kind: kind("linear"),
        name,
        doc,
        from: few(name, 1),
        to: few(name, 1),
        at: string,
        isInFirst: fc.constant(true),
        within: few(
          name.filter(({ text }) => text !== "in" && text !== "out"),
          1,
        ),
        present: trees.expression,
        bias: trees.expression,
        tied,
      },
      "isInFirst",
      "within",
      "present",
      "bias",
      "tied",
    ),
    node<Ast.Ignore>({ kind: kind("ignore"), at: string }),
    fn,
    node<Ast.Blocks>(
      {
        kind: kind("blocks"),
        name,
        doc,
        from: trees.expression,
        to: trees.expression,
        at: string,
        members: tie("members"),
      },
      "from",
    ),
  ),
}));

const declaration: Arbitrary<Ast.Declaration> = fc.oneof(
  fn,
  node<Ast.Format>(
    {
      kind: kind("format"),
      name,
      doc,
      parameters,
      of: trees.tensorType,
      by: name,
      fields: few(fc.record({ name, type: trees.type })),
      decode: trees.expression,
    },
    "by",
  ),
  node<Ast.Arch>({ kind: kind("arch"), name, doc, from: name, architectures: few(string, 1), members }, "from"),
  node<Ast.Method>(
    { kind: kind("method"), name, doc, parameters, on: name, sees: parameters, from: name, body: trees.block },
    "from",
  ),
  node<Ast.Optimizer>(
    {
      kind: kind("optimizer"),
      name,
      doc,
      parameters,
      of: trees.type,
      otherwise: node<Ast.Call>({ kind: kind("call"), callee: nameExpression, arguments: few(trees.argument) }),
      body: trees.block,
    },
    "of",
    "otherwise",
  ),
  node<Ast.Recipe>({ kind: kind("recipe"), name, doc, parameters, body: trees.block }),
  node<Ast.Study>({ kind: kind("study"), name, doc, parameters, body: trees.block }),
);

/** Modules that mean nothing, of every form that the grammar has. */
export const drawnModule: Arbitrary<Ast.Module> = fc
  .record({
    imports: few(node<Ast.Import>({ kind: kind("import"), names: few(name), from: string })),
    declarations: few(declaration),
  })
  .map((drawn): Ast.Module => ({ ...drawn, comments: [], file: span.file, span }));
