/** The syntax tree: discriminated unions on `kind`, every node with a span. Nothing here knows what a name means. */
import type { SourceFile, Span } from "./source.ts";

interface Spanned {
  readonly span: Span;
}

type Node<Kind extends string, Fields> = Spanned & { readonly kind: Kind } & Fields;

export interface Name extends Spanned {
  readonly text: string;
}

export interface Module extends Spanned {
  readonly file: SourceFile;
  /** `//` comments in order, and `///` ones that document nothing, for the formatter; the others stand on what they document. */
  readonly comments: readonly Comment[];
  readonly imports: readonly Import[];
  readonly declarations: readonly Declaration[];
}

/** `text` begins with its slashes. */
export interface Comment extends Spanned {
  readonly text: string;
}

/** `import { a, b } from "std/nn"` */
export interface Import extends Spanned {
  readonly kind: "import";
  readonly names: readonly Name[];
  readonly from: StringLiteral;
}

export type Declaration = Fn | Format | Arch | Method | Optimizer | Recipe | Study;

interface Declared extends Spanned {
  readonly name: Name;
  /** The `///` lines above, without the slashes, joined by newlines. */
  readonly doc: string;
}

/** `x: f32[token]`, `x`, `bits: Int = 4`, `over d: Dim`, `across e: Dim` */
export interface Parameter extends Declared {
  readonly label?: "over" | "across";
  readonly type?: TypeExpression;
  readonly value?: Expression;
}

/** `fn softmax(x, over d: Dim) -> f32[…] { … }` or `= expression` */
export interface Fn extends Declared {
  readonly kind: "fn";
  readonly parameters: readonly Parameter[];
  readonly result?: TypeExpression;
  readonly body: Block | Expression;
}

/** `format Affine(bits: Int in 2 to 8) of f32[out, in] { code: uint(bits)[out, block]  …  decode = … }` */
export interface Format extends Declared {
  readonly kind: "format";
  readonly parameters: readonly Parameter[];
  readonly of: TensorTypeExpression;
  /** The dimension whose positions lie one after the other in files, each with its part of every field. */
  readonly by?: Name;
  readonly fields: readonly { readonly name: Name; readonly type: TypeExpression }[];
  readonly decode: Expression;
}

/** `arch llama for "LlamaForCausalLM", … { … }`, or `arch qwen2 from llama for …` where all but what it says is as in another one */
export interface Arch extends Declared {
  readonly kind: "arch";
  readonly from?: Name;
  readonly architectures: readonly StringLiteral[];
  readonly members: readonly ArchMember[];
}

export type ArchMember = DimDeclaration | WeightDeclaration | LinearDeclaration | Blocks | Ignore | Fn;

/** `dim head = config.head_dim ?? …` */
export interface DimDeclaration extends Declared {
  readonly kind: "dim";
  readonly value: Expression;
}

/** `weight norm: f32[model] at "model.norm.weight"`; a `table` is a weight that is indexed. */
export interface WeightDeclaration extends Declared {
  readonly kind: "weight" | "table";
  readonly type: TypeExpression;
  readonly at: StringLiteral;
}

/**
 * `linear q: model -> (kv, group, head) at "self_attn.q_proj"`, optionally `[in, out]`, `where …`, `bias where …`, `| tied embed where …`.
 * Layers at one path lie one after the other in its matrix; `"experts.{expert}.w1"` stands for a layer at each position of a dimension.
 */
export interface LinearDeclaration extends Declared {
  readonly kind: "linear";
  readonly from: readonly Name[];
  readonly to: readonly Name[];
  readonly at: StringLiteral;
  /** The matrix is stored `[in, out]`, not `[out, in]`. */
  readonly isInFirst?: true;
  /** The first of their outputs, at each position of which layers at one path lie one after the other. */
  readonly within?: readonly Name[];
  /** Whether there is such a layer, and whether it has a bias. */
  readonly present?: Expression;
  readonly bias?: Expression;
  readonly tied?: { readonly name: Name; readonly condition?: Expression };
}

/** `blocks layer: count at "model.layers.{layer}" { … }`, or `blocks layer: from .. to at …` where the first has another number than 0 */
export interface Blocks extends Declared {
  readonly kind: "blocks";
  readonly from?: Expression;
  /** The number behind the last. */
  readonly to: Expression;
  readonly at: StringLiteral;
  readonly members: readonly ArchMember[];
}

/** `ignore "model.layers.{layer}.self_attn.rotary_emb.inv_freq"`: a stored tensor that this architecture derives itself. */
export interface Ignore extends Spanned {
  readonly kind: "ignore";
  readonly at: StringLiteral;
}

/** `method wanda(…) on linear(w: …, x: …) from compressed | dense { … }` */
export interface Method extends Declared {
  readonly kind: "method";
  readonly parameters: readonly Parameter[];
  readonly on: Name;
  readonly sees: readonly Parameter[];
  readonly from?: Name;
  readonly body: Block;
}

/** `optimizer muon(…) for f32[out, in], otherwise adamw(rate) { … }` */
export interface Optimizer extends Declared {
  readonly kind: "optimizer";
  readonly parameters: readonly Parameter[];
  readonly of?: TypeExpression;
  readonly otherwise?: Call;
  readonly body: Block;
}

export interface Recipe extends Declared {
  readonly kind: "recipe";
  readonly parameters: readonly Parameter[];
  readonly body: Block;
}

export interface Study extends Declared {
  readonly kind: "study";
  readonly parameters: readonly Parameter[];
  readonly body: Block;
}

// ── Types ────────────────────────────────────────────────────────────────────────────────────────────────────────────

export type TypeExpression = TensorTypeExpression | PlainTypeExpression;

/** `f32[..., token, head: 64]`, `uint(bits)[out, in]`, `inner[out, in]` */
export interface TensorTypeExpression extends Spanned {
  readonly kind: "tensor-type";
  readonly element: Name;
  readonly arguments: readonly Expression[];
  readonly dims: readonly DimExpression[];
}

/** `Int`, `Int in 2 to 8`, `Amount(mlp)`, `List(Model)`, or a bare `f32` (a scalar) */
export interface PlainTypeExpression extends Spanned {
  readonly kind: "plain-type";
  readonly name: Name;
  readonly arguments: readonly Expression[];
  readonly range?: { readonly from: Expression; readonly to: Expression };
}

/** `token`, `lane: every`, `in = (block, lane: every)`, `...` */
export type DimExpression = NamedDim | RestDim;

export interface NamedDim extends Spanned {
  readonly kind: "dim-name";
  readonly name: Name;
  readonly size?: Expression;
  readonly parts?: readonly NamedDim[];
}

export interface RestDim extends Spanned {
  readonly kind: "rest";
}

// ── Statements ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** Statements in order and, where the block has a value, its last expression. */
export type Block = Node<"block", { readonly statements: readonly Statement[]; readonly result?: Expression }>;

export type Statement =
  | Let
  | Observe
  | Probe
  | Select
  | Rotate
  | Train
  | State
  | Stage
  | Expect
  | Report
  | Save
  | Vary
  | Run
  | Fit
  | Plot
  | Choose;

type Binding<Kind extends string> = Node<Kind, { readonly name: Name; readonly value: Expression }>;
/** `let s = …` */
export type Let = Binding<"let">;
/** `observe power = sum(x^2, over (sample, token))` */
export type Observe = Binding<"observe">;
/** `probe neuron = …`: a `let` that methods may observe */
export type Probe = Binding<"probe">;
/** `select mlp to 50% by neurons, multiple leaving { neuron: centre }` */
export interface Select extends Spanned {
  readonly kind: "select";
  readonly dim: Name;
  readonly to: Expression;
  readonly by: Expression;
  readonly multiple?: Expression;
  readonly leaving?: Expression;
}
/** `rotate input by q` */
export type Rotate = Node<"rotate", { readonly name: Name; readonly by: Expression }>;
/** `train student.weights for steps on tokens: i32[token] { … minimise … } with muon(rate)` */
export interface Train extends Spanned {
  readonly kind: "train";
  readonly weights: Expression;
  readonly steps: Expression;
  readonly on: Parameter;
  readonly body: Block;
  readonly minimise: Expression;
  readonly optimizer: Expression;
}
/** `state velocity: f32[out, in] = 0` */
export type State = Node<"state", { readonly name: Name; readonly type: TypeExpression; readonly value: Expression }>;
/** `stage sparse = wanda(sparsity) of model decode over sample for layer.mlp.*, q except lm_head keeping zeros`, or `… among { … }` */
export interface Stage extends Spanned {
  readonly kind: "stage";
  readonly name: Name;
  readonly method: Call;
  readonly of: Name;
  /** Codes of the layers that it works on become numbers first. */
  readonly decode?: true;
  readonly over?: Expression;
  /** Empty where there is no `for`: every linear layer. */
  readonly selectors: readonly Selector[];
  readonly except: readonly Selector[];
  readonly keeping?: Name;
  /** What the method chooses from for each layer. */
  readonly among?: readonly Candidate[];
}
/** `sparsegpt(50%) then gptq(bits: one of [3, 4]) keeping zeros` */
export interface Candidate extends Spanned {
  readonly methods: readonly Call[];
  readonly keeping?: Name;
}
/** `expect perplexity(small, text.test) <= …` */
export type Expect = Node<"expect", { readonly condition: Expression }>;
/** `report perplexity(small, text.test), …` */
export type Report = Node<"report", { readonly values: readonly Expression[] }>;
/** `save small as "huggingface"`, `save small as target` */
export type Save = Node<"save", { readonly model: Name; readonly as: Expression }>;
/** `vary model in models, bits in [2, 3]` */
export type Vary = Node<"vary", { readonly axes: readonly { readonly name: Name; readonly values: Expression }[] }>;
/** `run sparse_int4(model, …)` */
export type Run = Node<"run", { readonly recipe: Call }>;
/** `fit e, a in loss = e + a * …` */
export interface Fit extends Spanned {
  readonly kind: "fit";
  readonly constants: readonly Name[];
  readonly target: Expression;
  readonly law: Expression;
}
/** `plot loss against bytes` */
export type Plot = Node<"plot", { readonly value: Expression; readonly against: Expression }>;
/** `choose least loss with bytes <= 400 MiB` */
export type Choose = Node<"choose", { readonly least: Expression; readonly condition: Expression }>;

/** `linear`, `lm_head`, `layer[0 .. 3, 7].mlp.*`: a path of names and stars, each with blocks in brackets where there are any. */
export interface Selector extends Spanned {
  readonly kind: "selector";
  readonly path: readonly { readonly name: Name; readonly blocks?: readonly BlockRange[] }[];
}
/** `7`, `0 .. 3`, `2 .. 30 by 3`: one block, or those of a half-open range, in steps. */
export interface BlockRange extends Spanned {
  readonly from: Expression;
  readonly to?: Expression;
  readonly by?: Expression;
}

// ── Expressions ──────────────────────────────────────────────────────────────────────────────────────────────────────

export type Expression =
  | NumberLiteral
  | StringLiteral
  | BooleanLiteral
  | PatternLiteral
  | List
  | OneOf
  | NameExpression
  | Unary
  | Binary
  | Where
  | Call
  | Index
  | Field
  | RecordExpression
  | Construct
  | Repeat
  | Feedback;

/** `3`, `1e-7`, `50%`, `512 MiB`; `value` is already scaled by the unit, `text` is what stands before it. */
export interface NumberLiteral extends Spanned {
  readonly kind: "number";
  readonly value: number;
  readonly text: string;
  readonly unit?: "%" | "KiB" | "MiB" | "GiB" | "TiB" | "kB" | "MB" | "GB" | "TB";
}
export type StringLiteral = Node<"string", { readonly value: string }>;
export type BooleanLiteral = Node<"boolean", { readonly value: boolean }>;
/** `2:4`: two of every four stay */
export type PatternLiteral = Node<"pattern", { readonly keep: number; readonly of: number }>;
export type List = Node<"list", { readonly items: readonly Expression[] }>;
/** `one of [3, 4]`: an argument that is chosen */
export type OneOf = Node<"one-of", { readonly values: List }>;
export type NameExpression = Node<"name", { readonly text: string }>;
export type Unary = Node<"unary", { readonly op: "-" | "not"; readonly value: Expression }>;
export type BinaryOp = "+" | "-" | "*" | "/" | "%" | "^" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "and" | "or" | "??";
export type Binary = Node<"binary", { readonly op: BinaryOp; readonly left: Expression; readonly right: Expression }>;
/** `value where condition else otherwise`; binds loosest, `otherwise` is 0 if left out */
export interface Where extends Spanned {
  readonly kind: "where";
  readonly value: Expression;
  readonly condition: Expression;
  readonly otherwise?: Expression;
}
export type Call = Node<"call", { readonly callee: Expression; readonly arguments: readonly Argument[] }>;

export type Argument = ValueArgument | OverArgument | MappingArgument;
/** `x`, `bits: 4`, `half: a`, `rows: in` */
export type ValueArgument = Node<"value", { readonly name?: Name; readonly value: Expression }>;
/** `over in`, `over (sample, token)`, `across out` */
export type OverArgument = Node<"over", { readonly label: "over" | "across"; readonly dims: readonly Name[] }>;
/** `head -> (half: 2, freq)`, `(half, freq) -> head`, `token -> seen` */
export type MappingArgument = Node<"mapping", { readonly from: readonly Name[]; readonly to: readonly NamedDim[] }>;

/** `logits[token: 0 .. last as step]`, `table[vocab: tokens]` */
export type Index = Node<"index", { readonly value: Expression; readonly selections: readonly (Pick | Slice)[] }>;
export type Pick = Node<"pick", { readonly dim: Name; readonly at: Expression }>;
export interface Slice extends Spanned {
  readonly kind: "slice";
  readonly dim: Name;
  readonly from: Expression;
  readonly to: Expression;
  readonly as: Name;
}

export type Field = Node<"field", { readonly value: Expression; readonly name: Name }>;

/** `{ scale, zero: round(z), ...grid }` */
export type RecordExpression = Node<"record", { readonly fields: readonly RecordField[] }>;
export type RecordField =
  | (Spanned & { readonly kind: "entry"; readonly name: Name; readonly value?: Expression })
  | (Spanned & { readonly kind: "spread"; readonly value: Expression });

/** `Affine(bits, every) { code, ...grid }` */
export type Construct = Node<"construct", { readonly format: Call; readonly record: RecordExpression }>;

/** `repeat rounds from start keeping least error(…) { … }` */
export interface Repeat extends Spanned {
  readonly kind: "repeat";
  readonly times: Expression;
  readonly from: Expression;
  readonly least?: Expression;
  readonly body: Block;
}

/** `feedback w through u along in = (block, lane: n) { each block as b { … } … } then Affine(…) { … }` */
export interface Feedback extends Spanned {
  readonly kind: "feedback";
  readonly value: Expression;
  readonly through: Expression;
  readonly along: NamedDim;
  readonly levels: readonly FeedbackLevel[];
  readonly then?: Expression;
}
export interface FeedbackLevel extends Spanned {
  readonly dim: Name;
  readonly as: Name;
  readonly statements: readonly Let[];
  readonly freeze?: Expression;
}
