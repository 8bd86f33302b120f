/** Every way in which a program can be wrong, as data, and `worded`: their wording, with that of model.ts and weights.ts. */
import type { Diagnostic } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import type { Dim } from "../graph/type.ts";
import type { DeviceFacts } from "../plan/device-facts.ts";
import { type Description, labels, list, suggestion } from "./description.ts";
import { describeModel } from "./model.ts";
import { describeWeights } from "./weights.ts";

export type Problem =
  | { kind: "unknown-name"; span: Span; name: string; what: string; known: readonly string[]; hint?: string }
  | { kind: "duplicate-name"; span: Span; name: string; first: Span; hint?: string }
  | { kind: "reserved-name"; span: Span; name: string }
  | {
      kind: "dimension-mismatch";
      span: Span;
      name: string;
      found: string;
      expected: string;
      other: Span;
      because: string;
    }
  | {
      kind: "not-aligned";
      span: Span;
      op: string;
      left: string;
      right: string;
      leftSpan: Span;
      rightSpan: Span;
      lacks: readonly string[];
      /** The expression for all pairs, where it can be written. */
      pairs: string | undefined;
    }
  | { kind: "absent-dimension"; span: Span; name: string; type: string; value: Span; known: readonly string[] }
  | { kind: "dimension-escapes"; span: Span; name: string; fn: string; declared: Span }
  | { kind: "activation-outside-observe"; span: Span; name: string }
  | { kind: "observation-keeps"; span: Span; name: string; dims: readonly string[] }
  | { kind: "does-not-divide"; span: Span; name: string; size: string; by: string; where: string }
  | { kind: "not-whole"; span: Span; what: string; value: string; where: string }
  | { kind: "out-of-range"; span: Span; what: string; value: string; range: string; hint?: string }
  | { kind: "unreached-layer"; span: Span; name: string; stage: Span }
  | { kind: "empty-selector"; span: Span; selector: string; known: readonly string[]; hint?: string }
  | { kind: "missing-parameter"; span: Span; of: string; name: string; type: string; form?: string }
  | { kind: "unknown-parameter"; span: Span; of: string; name: string; known: readonly string[]; form: string }
  | { kind: "wrong-arguments"; span: Span; of: string; surplus?: string; first?: Span; form: string }
  | { kind: "wrong-parameter"; span: Span; of: string; name: string; expected: string; found: string; hint?: string }
  | { kind: "wrong-type"; span: Span; expected: string; found: string; hint?: string }
  | { kind: "import-not-found"; span: Span; path: string; known: readonly string[] }
  | { kind: "import-refused"; span: Span; path: string; reason: string }
  | { kind: "import-circular"; span: Span; chain: readonly string[] }
  | { kind: "recursion"; span: Span; name: string; declared: Span }
  | {
      kind: "too-much-work";
      span: Span;
      /** The function at work, if one is. */
      name: string | undefined;
      limit: "evaluations" | "depth" | "records";
      most: number;
    }
  | { kind: "weight-missing"; span: Span; tensor: string; others: number; known: readonly string[] }
  | { kind: "weight-prefix"; span: Span; tensor: string; prefix: string; found: string }
  | { kind: "weight-type"; span: Span; tensor: string; others: number; dtype: string }
  | { kind: "weight-unused"; span: Span; tensors: readonly string[] }
  | { kind: "tied-stored"; span: Span; tensor: string; table: string }
  | { kind: "model-quantised"; span: Span; model: string; by: string | null; because: string }
  | { kind: "own-code"; span: Span; model: string; arch: string }
  /** Without a type, what it should be is missing. */
  | { kind: "names-differ"; span: Span; model: string; architecture: string; type: string | null; family: string }
  | {
      kind: "weight-shape";
      span: Span;
      tensor: string;
      /** How many more tensors have another shape than they should. */
      others: number;
      expected: readonly number[];
      found: readonly number[];
      /** What the dimensions of the declaration are made of one with. */
      parts: string | undefined;
      /** The linear layers that lie in it one after the other. */
      layers: readonly string[] | undefined;
    }
  | { kind: "weight-unknown"; span: Span; tensors: readonly string[]; arch: string }
  | { kind: "config-missing"; span: Span; field: string; known: readonly string[] }
  /** Without a field it is a number that a dimension is computed to be. */
  | { kind: "config-value"; span: Span; field: string | null; dim: string; found: string; expected: string }
  | { kind: "unknown-architecture"; span: Span; model: string; found: string; known: readonly string[] }
  | {
      kind: "device-limit";
      span: Span;
      /** What is too large: its name, or its type. */
      tensor: string;
      bytes: number;
      /** How many its kernel needs; undefined if the tensor itself is too large. */
      bindings: number | undefined;
      /** Weights and statistics: nothing that a recipe says makes it smaller. */
      isFixed: boolean;
      /** The most bytes of such a buffer: what the device holds, or less, where no device is given more. */
      most: number;
      /** The longest dimension. */
      dim: Dim | undefined;
      isOfTokens: boolean;
      facts: Pick<DeviceFacts, "maxBufferSize" | "maxStorageBufferBindingSize" | "maxStorageBuffersPerShaderStage">;
    }
  | {
      kind: "over-budget";
      span: Span;
      recipe: string;
      memory: "gpu" | "host";
      /** Bytes, as little as it gets. */
      needed: number;
      allowed: number;
      /** What takes the most. */
      where: string;
    }
  | { kind: "not-supported"; span: Span; what: string; hint?: string };

export type ProblemKind = Problem["kind"];

/** The message for a problem: what, where with all places, and the way out. */
export function worded(problem: Problem): Diagnostic {
  const { title, places, hint } = describe(problem);
  return { id: problem.kind, title, labels: places, ...(hint ? { hint } : {}) };
}

function describe(problem: Problem): Description {
  switch (problem.kind) {
    case "dimension-mismatch":
    case "not-aligned":
    case "absent-dimension":
    case "dimension-escapes":
    case "does-not-divide":
    case "not-whole":
      return describeDimensions(problem);
    case "weight-missing":
    case "weight-prefix":
    case "weight-shape":
    case "weight-type":
    case "weight-unknown":
    case "weight-unused":
    case "tied-stored":
    case "model-quantised":
      return describeWeights(problem);
    case "config-missing":
    case "config-value":
    case "own-code":
    case "names-differ":
    case "empty-selector":
    case "unreached-layer":
    case "device-limit":
    case "over-budget":
      return describeModel(problem);
    case "missing-parameter":
    case "unknown-parameter":
    case "wrong-arguments":
    case "wrong-parameter":
    case "wrong-type":
    case "out-of-range":
      return describeValues(problem);
    default:
      return describeNames(problem);
  }
}

/** The problems of some kinds. */
export type Of<K extends ProblemKind> = Extract<Problem, { kind: K }>;

function describeDimensions(
  p: Of<
    "dimension-mismatch" | "not-aligned" | "absent-dimension" | "dimension-escapes" | "does-not-divide" | "not-whole"
  >,
): Description {
  switch (p.kind) {
    case "dimension-mismatch":
      return {
        title: `\`${p.name}\` is ${p.found} here and ${p.expected} there`,
        places: labels([p.span, `${p.name} is ${p.found}`], [p.other, p.because]),
        hint: `give one of the two another name, or make the sizes agree`,
      };
    case "not-aligned":
      return {
        title: `the operands of \`${p.op}\` do not align: ${p.left} and ${p.right}`,
        places: labels([p.leftSpan, p.left], [p.rightSpan, p.right]),
        hint: `\`${p.op}\` needs all names of one operand in the other, and ${list(p.lacks)} are each in one only: \`rename\` one that is the same, reduce over one that is too much, or distribute a factor that has them all, as in \`a * x + a * y\` for \`a * (x + y)\`${p.pairs ? `; for all pairs write \`${p.pairs}\`` : ""}`,
      };
    case "absent-dimension":
      return {
        title: `there is no dimension \`${p.name}\` in ${p.type}`,
        places: labels([p.span, `asked for here`], [p.value, p.type]),
        hint: suggestion(p.name, p.known) ?? (p.known.length > 0 ? `it has ${list(p.known)}` : `it is a single number`),
      };
    case "dimension-escapes":
      return {
        title: `\`${p.name}\` is made inside \`${p.fn}\` and would leave it unannounced`,
        places: labels([p.span, `this result carries \`${p.name}\``], [p.declared, `declared without it`]),
        hint: `declare the result, as in \`-> f32[…, ${p.name}]\`, or reduce over \`${p.name}\``,
      };
    case "does-not-divide":
      return {
        title: `${p.by} does not divide \`${p.name}\`, which is ${p.size}${p.where}`,
        places: labels([p.span, `${p.size} / ${p.by} is not whole`]),
        hint: `choose a size that divides ${p.size}, or leave the layer out with \`except\``,
      };
    case "not-whole":
      return {
        title: `${p.what} must be a whole number from 1, and is ${p.value}${p.where}`,
        places: labels([p.span, `this is ${p.value}`]),
      };
  }
}

function describeValues(
  p: Of<
    "missing-parameter" | "unknown-parameter" | "wrong-arguments" | "wrong-parameter" | "wrong-type" | "out-of-range"
  >,
): Description {
  switch (p.kind) {
    case "out-of-range":
      return {
        title: `${p.what} is ${p.value}, and must be ${p.range}`,
        places: labels([p.span, `this is ${p.value}`]),
        hint: p.hint,
      };
    case "missing-parameter":
      return {
        title: `\`${p.of}\` needs \`${p.name}\`${p.type ? ` (${p.type})` : ""}`,
        places: labels([p.span, `\`${p.name}\` is not given`]),
        hint: p.form && written(p.form),
      };
    case "unknown-parameter":
      return {
        title: `\`${p.of}\` has no parameter \`${p.name}\``,
        places: labels([p.span, `not a parameter`]),
        hint: suggestion(p.name, p.known) ?? written(p.form),
      };
    case "wrong-arguments": {
      const first: readonly (readonly [Span, string])[] = p.first ? [[p.first, `given here`]] : [];
      return {
        title: p.surplus
          ? `\`${p.of}\` has no place for ${p.first ? "a second" : "the argument"} \`${p.surplus}\``
          : `\`${p.of}\` is not called like this`,
        places: labels([p.span, p.surplus ? `one too many` : `called here`], ...first),
        hint: written(p.form),
      };
    }
    case "wrong-parameter":
      return {
        title: `\`${p.name}\` of \`${p.of}\` must be ${p.expected}, and is ${p.found}`,
        places: labels([p.span, `this is ${p.found}`]),
        hint: p.hint,
      };
    case "wrong-type":
      return {
        title: `this must be ${p.expected}, and is ${p.found}`,
        places: labels([p.span, `this is ${p.found}`]),
        hint: p.hint,
      };
  }
}

function describeNames(
  p: Exclude<
    Problem,
    | Parameters<typeof describeDimensions>[0]
    | Parameters<typeof describeModel>[0]
    | Parameters<typeof describeWeights>[0]
    | Parameters<typeof describeValues>[0]
  >,
): Description {
  switch (p.kind) {
    case "unknown-name":
      return {
        title: `there is no ${p.what} \`${p.name}\` here`,
        places: labels([p.span, `not known`]),
        hint: suggestion(p.name, p.known) ?? p.hint,
      };
    case "duplicate-name":
      return {
        title: `\`${p.name}\` is declared twice`,
        places: labels([p.span, `again here`], [p.first, `first here`]),
        hint: p.hint,
      };
    case "reserved-name":
      return {
        title: `a recipe's parameter cannot be called \`${p.name}\``,
        places: labels([p.span, `means something else`]),
        hint: `parameters are flags of the command line, and \`--${p.name}\` has a meaning there: give it another name`,
      };
    case "activation-outside-observe":
      return {
        title: `\`${p.name}\` is an activation: it exists only while samples stream through the model`,
        places: labels([p.span, `used outside \`observe\``]),
        hint: `say what to keep of it: \`observe power = sum(${p.name}^2, over (sample, token))\``,
      };
    case "observation-keeps":
      return {
        title: `the observation \`${p.name}\` keeps ${list(p.dims)}`,
        places: labels([p.span, `this has ${list(p.dims)} still`]),
        hint: `reduce over ${p.dims.length > 1 ? `(${p.dims.join(", ")})` : p.dims[0]} with sum, mean, max, min or norm`,
      };
    case "import-not-found":
      return {
        title: `there is no module ${quotedPath(p.path)}`,
        places: labels([p.span, `not found`]),
        hint:
          suggestion(p.path, p.known) ??
          `modules are \`std/…\`, or files relative to this one, such as \`./mine.lcomp\``,
      };
    case "import-refused":
      return {
        title: `the module ${quotedPath(p.path)} is not read: ${p.reason}`,
        places: labels([p.span, `not read`]),
        hint: `a recipe imports \`std/…\`, and files that end in \`.lcomp\` and lie in its own folder or below`,
      };
    case "import-circular":
      return {
        title: `these modules import each other: ${p.chain.join(" → ")}`,
        places: labels([p.span, `comes back to where it started`]),
        hint: `move what both need into a third module`,
      };
    case "recursion":
      return {
        title: `\`${p.name}\` calls itself`,
        places: labels([p.span, `called here`], [p.declared, `while this is being computed`]),
        hint: `write its steps one after another, \`let once = step(x)\`, \`let twice = step(once)\`: \`repeat\` is not supported yet`,
      };
    case "too-much-work":
      return describeWork(p);
    case "unknown-architecture":
      return {
        title: `${p.model} is a ${p.found}, which no architecture describes`,
        places: labels([p.span, `this model`]),
        hint: `there are ${list(p.known)}; an \`arch\` in the recipe's own file may describe another`,
      };
    case "not-supported":
      return { title: `${p.what} is not supported yet`, places: labels([p.span, `not supported yet`]), hint: p.hint };
  }
}

function describeWork({ span, name, limit, most }: Of<"too-much-work">): Description {
  const many = most.toLocaleString("en");
  const subject = name === undefined ? "this" : `\`${name}\``;
  switch (limit) {
    case "evaluations":
      return {
        title: `${subject} calls too much: ${many} expressions were evaluated, and it has not ended`,
        places: labels([span, `too much work`]),
        hint: "equal calls are evaluated once, and others each by itself: call less often with different arguments",
      };
    case "depth":
      return {
        title: `${subject} calls too deeply: ${many} expressions are nested in one another`,
        places: labels([span, `too deep`]),
        hint: `write several steps into one function, with \`let\``,
      };
    case "records":
      return {
        title: `more than ${many} records are nested in one another`,
        places: labels([span, `too deep`]),
        hint: `give the inner ones a name each, and return them side by side`,
      };
  }
}

/** A stranger may write anything there. */
const quotedPath = (path: string): string => `\`${path.length > 80 ? `${path.slice(0, 80)}…` : path}\``;

const written = (form: string) => `it is written \`${form}\``;
