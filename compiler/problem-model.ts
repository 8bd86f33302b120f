/** The wording of problems that only a model brings out. */
import { type Description, labels, list, suggestion } from "./description.ts";
import type { Of } from "./problem.ts";

type ModelProblem = Of<
  | "weight-missing"
  | "weight-shape"
  | "weight-unknown"
  | "config-missing"
  | "config-value"
  | "empty-selector"
  | "device-limit"
>;

/** What is wrong between a program and a model, its files, or the device that is to run it. */
export function describeModel(p: ModelProblem): Description {
  switch (p.kind) {
    case "weight-missing":
      return {
        title: `the checkpoint has no tensor \`${p.tensor}\``,
        places: labels([p.span, `the architecture needs it`]),
        hint:
          suggestion(p.tensor, p.known) ?? `is this the folder of a model of this architecture, with all its files?`,
      };
    case "weight-shape":
      return {
        title: `\`${p.tensor}\` has the shape [${p.found.join(", ")}] in the checkpoint, and [${p.expected.join(", ")}] by its declaration and config.json`,
        places: labels([p.span, `declared here`]),
        hint: otherShape(p),
      };
    case "weight-unknown":
      return {
        title: `the checkpoint has ${p.tensors.length === 1 ? "a tensor" : `${p.tensors.length} tensors`} that \`${p.arch}\` does not know: ${list(p.tensors.slice(0, 3))}${p.tensors.length > 3 ? " …" : ""}`,
        places: labels([p.span, `this architecture would leave ${p.tensors.length === 1 ? "it" : "them"} out`]),
        hint: `the model is a variant that this architecture does not describe, or config.json is another model's`,
      };
    case "config-missing":
      return {
        title: `config.json has no \`${p.field}\``,
        places: labels([p.span, `needed here`]),
        hint: suggestion(p.field, p.known) ?? `write \`?? value\` for what may be missing`,
      };
    case "config-value":
      return {
        title: `\`${p.field}\` in config.json is ${p.found}, not ${p.expected}`,
        places: labels([p.span, `read here`]),
        hint: `is it the config.json of this model? download it again`,
      };
    case "empty-selector":
      return {
        title: `\`${p.selector}\` matches no layer of this model`,
        places: labels([p.span, p.hint ? `nothing that a method works on` : `nothing has this name`]),
        hint:
          suggestion(p.selector, p.known) ??
          p.hint ??
          (p.known.length > 0 ? `there are ${list(p.known)}` : `it has no linear layer`),
      };
    case "device-limit":
      return describeLimit(p);
  }
}

function otherShape({ expected, found, parts }: Of<"weight-shape">): string {
  const [count, ...more] = found;
  const product = expected.reduce((all, size) => all * size, 1);
  if (parts !== undefined && more.length === 0 && count === product)
    return `the checkpoint has these ${count} numbers in one dimension: declare it so, with \`dim flat = …\`, and write \`split(${parts})\` where it is used`;
  if (expected.length === found.length && expected.toSorted().join() === found.toSorted().join())
    return "the dimensions of a weight are declared in the order in which the checkpoint has them";
  return "config.json and the weights are not of the same model, or the architecture is another";
}

function describeLimit({ span, tensor, bytes, bindings, isFixed, facts }: Of<"device-limit">): Description {
  const binding = showBytes(facts.maxStorageBufferBindingSize);
  const title =
    bindings === undefined
      ? `${tensor} takes ${showBytes(bytes)}, and a buffer of this GPU holds ${showBytes(facts.maxBufferSize)}`
      : `the kernel with ${tensor} (${showBytes(bytes)}) needs ${bindings} bindings of up to ${binding}, and this GPU offers ${facts.maxStorageBuffersPerShaderStage}`;
  const other = `choose another adapter: \`lcomp doctor\` lists them with what they hold`;
  return {
    title,
    places: labels([span, `too large for this GPU`]),
    hint: isFixed ? other : `give a shorter \`length\`, or ${other}`,
  };
}

function showBytes(bytes: number): string {
  const [size, unit] = bytes < 2 ** 20 ? [bytes / 2 ** 10, "KiB"] : [bytes / 2 ** 20, "MiB"];
  return `${Number(size.toFixed(2))} ${unit}`;
}
