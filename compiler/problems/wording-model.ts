/** What can be wrong between a program and a model, its files, or the device that is to run it. */
import type { Span } from "../../grammar/source.ts";
import type { Dim } from "../graph/type.ts";
import { showBytes } from "../plan/bytes.ts";
import type { DeviceFacts } from "../plan/device-facts.ts";
import { type Description, labels, list, type Of, suggestion, type Wording } from "./description.ts";

export type ModelProblem =
  | { kind: "unreached-layer"; span: Span; name: string; stage: Span }
  /** Of a table, into which nothing goes that a method could observe. */
  | { kind: "table-input"; span: Span; name: string; method: string; stage: Span }
  /** Of layers that read an activation there: `at` is where what makes it cannot be divided. */
  | { kind: "cannot-fold"; span: Span; names: readonly string[]; stage: Span; at: Span; because: string }
  /** `gain` is where a norm multiplies places by numbers that nothing behind it takes over. */
  | {
      kind: "cannot-rotate";
      span: Span;
      activation: string;
      dim: string;
      at: Span;
      because: string;
      gain: Span | null;
    }
  /** Of another model that a method reads beside the one that the stage is of: how many, or which sizes, there are in each. */
  | { kind: "other-layers"; span: Span; other: string; of: string; what: string; there: string; here: string }
  | { kind: "tied-weight"; span: Span; layer: string; table: string }
  | { kind: "empty-selector"; span: Span; selector: string; known: readonly string[]; hint?: string }
  | { kind: "unknown-architecture"; span: Span; model: string; found: string; known: readonly string[] }
  | { kind: "own-code"; span: Span; model: string; arch: string }
  | { kind: "adapter-beside"; span: Span; model: string }
  /** Without a type, what it should be is missing. */
  | { kind: "names-differ"; span: Span; model: string; architecture: string; type: string | null; family: string }
  | { kind: "config-missing"; span: Span; field: string; known: readonly string[] }
  /** Without a field it is a number that a dimension is computed to be. */
  | { kind: "config-value"; span: Span; field: string | null; dim: string; found: string; expected: string }
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
      memory: "gpu" | "host" | "store";
      /** Bytes, as little as it gets. */
      needed: number;
      allowed: number;
      /** What takes the most. */
      where: string;
    };

export const modelWording: Wording<ModelProblem> = {
  "names-differ": (p) => {
    if (p.type === null)
      return {
        title: `config.json of ${p.model} has no \`model_type\`, without which Transformers does not load it: it is read as a ${p.architecture}`,
        places: labels([p.span, `this model`]),
        hint: `add \`"model_type": "${p.family}"\``,
      };
    return {
      title: `config.json of ${p.model} names ${p.architecture} and the \`model_type\` ${p.type}: the type counts`,
      places: labels([p.span, `this model`]),
      hint: `Transformers goes by the type too, other programs by the architecture; correct the one that is wrong`,
    };
  },
  "unknown-architecture": (p) => ({
    title: `${p.model} is a ${p.found}, which no architecture describes`,
    places: labels([p.span, `this model`]),
    hint: `there are ${list(p.known)}; an \`arch\` in the recipe's own file may describe another`,
  }),
  "own-code": (p) => ({
    title: `config.json of ${p.model} names code of its own (\`auto_map\`), which is not run: the model is read as \`${p.arch}\``,
    places: labels([p.span, `this model`]),
    hint: `if that code computes something else, describe it by an \`arch\` in the recipe's own file`,
  }),
  "adapter-beside": (p) => ({
    title: `an adapter (adapter_config.json) lies beside the weights of ${p.model}, and is not applied`,
    places: labels([p.span, `this model`]),
    hint: `Transformers adds it where PEFT is installed: take it out of the folder if it is merged, else merge it and give that`,
  }),
  "config-missing": (p) => ({
    title: `config.json has no \`${p.field}\``,
    places: labels([p.span, `needed here`]),
    hint: suggestion(p.field, p.known) ?? `write \`?? value\` for what may be missing`,
  }),
  "config-value": (p) => ({
    title:
      p.field === null
        ? `by config.json \`${p.dim}\` is ${p.found}, not ${p.expected}`
        : `\`${p.field}\` in config.json is ${p.found}, not ${p.expected}`,
    places: labels([p.span, `read here`]),
    hint: `is it the config.json of this model? download it again`,
  }),
  "empty-selector": (p) => ({
    title: `\`${p.selector}\` matches no layer of this model`,
    places: labels([p.span, p.hint ? `nothing that a method works on` : `nothing has this name`]),
    hint:
      suggestion(p.selector, p.known) ??
      p.hint ??
      (p.known.length > 0 ? `there are ${list(p.known)}` : `it has no linear layer`),
  }),
  "unreached-layer": (p) => ({
    title: `the forward pass never reaches \`${p.name}\`, so that nothing can be observed there`,
    places: labels([p.stage, `selected here`], [p.span, `declared here`]),
    hint: `leave it out of the stage with \`except ${p.name}\``,
  }),
  "tied-weight": (p) => ({
    title: `\`${p.layer}\` shares its weight with \`${p.table}\`, which this stage would change with it`,
    places: labels([p.span, `selected here`]),
    hint: `add \`except ${p.layer}\` or, if both are meant, name it, as in \`for linear, ${p.layer}\``,
  }),
  "table-input": (p) => ({
    title: `\`${p.method}\` observes what goes into a layer, and nothing goes into the table \`${p.name}\`, of which tokens pick rows`,
    places: labels([p.stage, `selected here`], [p.span, `declared here`]),
    hint: `leave it out of the stage with \`except ${p.name}\`, and give it one of a method that reads nothing but \`w\``,
  }),
  "cannot-fold": (p) => ({
    title: `what ${list(p.names)} read${p.names.length > 1 ? "" : "s"} cannot be divided by a scale where it is made`,
    places: labels([p.at, p.because], [p.span, "read here"], [p.stage, "selected here"]),
    hint: `leave ${p.names.length > 1 ? "them" : "it"} out with \`except ${p.names.join(", ")}\`, or select all that read the same`,
  }),
  "cannot-rotate": (p) => ({
    title: `\`${p.activation}\` cannot be rotated along \`${p.dim}\` in this architecture`,
    places: labels(
      [p.at, p.because],
      ...(p.gain ? [[p.gain, "a gain multiplies each place by itself"] as const] : []),
      [p.span, "rotated here"],
    ),
    hint: p.gain
      ? "a gain moves into linear layers that read nothing else than what it multiplies; where there are none, as behind a norm that ends a branch, the model cannot be rotated here"
      : "a rotation goes through sums, through linear layers and through norms without a mean; rotate another activation, or leave the stage out",
  }),
  "other-layers": (p) => ({
    title: `${p.what} of \`${p.other}\` (${p.there}) and of \`${p.of}\` (${p.here}) are not the same`,
    places: labels([p.span, `reads the same layers of both`]),
    hint: `name the model or stage from which \`${p.of}\` was made without a change of sizes`,
  }),
  "device-limit": describeLimit,
  "over-budget": describeExcess,
};

function describeLimit(p: Of<ModelProblem, "device-limit">): Description {
  const { span, tensor, bytes, bindings, most, facts } = p;
  const binding = showBytes(facts.maxStorageBufferBindingSize);
  const buffer = most < facts.maxBufferSize ? "a buffer" : "a buffer of this GPU";
  const title =
    bindings === undefined
      ? `${tensor} takes ${showBytes(bytes)}, and ${buffer} holds ${showBytes(most)}`
      : `the kernel with ${tensor} (${showBytes(bytes)}) needs ${bindings} bindings of up to ${binding}, and this GPU offers ${facts.maxStorageBuffersPerShaderStage}`;
  return {
    title,
    places: labels([span, `too large${most < facts.maxBufferSize ? "" : " for this GPU"}`]),
    hint: smaller(p),
  };
}

function describeExcess({
  span,
  recipe,
  memory,
  needed,
  allowed,
  where,
}: Of<ModelProblem, "over-budget">): Description {
  const [name, flag, ways] = budgets[memory];
  const enough = `${Math.ceil(needed / 2 ** 20)}MiB`;
  return {
    title: `${recipe} takes ${showBytes(needed)} of ${name} at once, and ${showBytes(allowed)} are allowed`,
    places: labels([span, `the most in ${where}`]),
    hint: `${flag} ${enough} would do; ${ways}`,
  };
}

/** Of what, by which flag, and what else would do. */
const budgets: Readonly<Record<Of<ModelProblem, "over-budget">["memory"], readonly [string, string, string]>> = {
  gpu: ["GPU memory", "--gpu-memory", "a shorter `length` takes less"],
  host: ["host memory", "--memory", "shorter texts take less"],
  store: ["disk", "--store-limit", "fewer stages take less"],
};

/** What makes a tensor smaller, or else what holds more. */
function smaller({ isFixed, isOfTokens, dim, most, facts }: Of<ModelProblem, "device-limit">): string {
  const ways = [
    ...(isFixed
      ? []
      : isOfTokens
        ? ["give a shorter `length`"]
        : dim
          ? [`\`${dim.name}\` is ${dim.size}: make it smaller`]
          : []),
    ...(most < facts.maxBufferSize ? [] : ["choose another adapter: `lcomp doctor` lists them with what they hold"]),
  ];
  return ways.join(", or ");
}
