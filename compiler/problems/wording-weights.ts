/** What can be wrong with a model's stored weights. */
import type { Span } from "../../grammar/source.ts";
import { labels, list, type Of, suggestion, type Wording } from "./description.ts";

export type WeightProblem =
  | { kind: "weight-missing"; span: Span; tensor: string; others: number; known: readonly string[] }
  | { kind: "weight-prefix"; span: Span; tensor: string; prefix: string; found: string }
  | { kind: "weight-type"; span: Span; tensor: string; others: number; dtype: string }
  | { kind: "weight-unused"; span: Span; tensors: readonly string[] }
  | { kind: "tied-stored"; span: Span; tensor: string; table: string }
  | { kind: "model-quantised"; span: Span; model: string; by: string | null; because: string }
  | { kind: "codes-unread"; span: Span; model: string; by: string; because: string; isWhole: boolean }
  | { kind: "activations-unrounded"; span: Span; model: string; by: string }
  | { kind: "target-refuses"; span: Span; target: string; what: string; hint: string }
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
  | { kind: "weight-unknown"; span: Span; tensors: readonly string[]; arch: string };

export const weightWording: Wording<WeightProblem> = {
  "weight-missing": (p) => ({
    title: `the checkpoint has no tensor \`${p.tensor}\`${more(p.others, `, and lacks # more`)}`,
    places: labels([p.span, `the architecture needs it`]),
    hint: suggestion(p.tensor, p.known) ?? `is this the folder of a model of this architecture, with all its files?`,
  }),
  "weight-prefix": (p) => ({
    title: `the names in the checkpoint begin with \`${p.prefix}\`, as a wrapper around the model writes them: \`${p.found}\``,
    places: labels([p.span, `the architecture needs \`${p.tensor}\``]),
    hint: `write the file without it, in Python with safetensors.torch: \`save_file({k.removeprefix("${p.prefix}"): v for k, v in load_file(path).items()}, path, {"format": "pt"})\``,
  }),
  "weight-shape": (p) => ({
    title: `\`${p.tensor}\` has the shape [${p.found.join(", ")}] in the checkpoint, and [${p.expected.join(", ")}] by its declaration and config.json${more(p.others, `; # more differ`)}`,
    places: labels([p.span, `declared here`]),
    hint: otherShape(p),
  }),
  "weight-type": (p) => ({
    title: `the stored type ${p.dtype} of \`${p.tensor}\`${more(p.others, ` and # more`)} is not supported yet`,
    places: labels([p.span, `read here`]),
    hint: `F32, F16 and BF16 are: load the model with Transformers, \`AutoModelForCausalLM.from_pretrained(path, dtype="float32")\`, and save it`,
  }),
  "weight-unknown": (p) => ({
    title: `the checkpoint has ${counted(p.tensors, "a tensor", "tensors")} that \`${p.arch}\` does not know: ${several(p.tensors)}`,
    places: labels([p.span, `this architecture would leave ${p.tensors.length === 1 ? "it" : "them"} out`]),
    hint: `the model is a variant that this architecture does not describe, or config.json is another model's; what only training or another task needs goes when Transformers loads the model and saves it`,
  }),
  "weight-unused": (p) => ({
    title: `by config.json the model has no such biases, and the checkpoint has ${counted(p.tensors, "one", "")}: ${several(p.tensors)}`,
    places: labels([p.span, `this architecture leaves ${p.tensors.length === 1 ? "it" : "them"} out`]),
    hint: `Transformers leaves them out too; what belongs to the model must be named in config.json, as by \`"attention_bias": true\``,
  }),
  "tied-stored": (p) => ({
    title: `\`${p.tensor}\` is stored, though config.json says that it is \`${p.table}\`: the stored one is used, and stays as it is`,
    places: labels([p.span, `tied`]),
    hint: `Transformers 5 uses it too where the two differ, older versions do not; \`"tie_word_embeddings": false\` in config.json makes it a layer of its own`,
  }),
  "model-quantised": (p) => ({
    title: `the weights of ${p.model} are quantised already${p.by === null ? "" : `, by ${p.by}`}: ${p.because}`,
    places: labels([p.span, `this model`]),
    hint: `take the model that it was made from, which its model card names; or load it with Transformers, call \`model.dequantize()\`, and save it`,
  }),
  "activations-unrounded": (p) => ({
    title: `other programs round activations of ${p.model} as its config.json says (${p.by}); here they are as they are`,
    places: labels([p.span, `this model`]),
    hint: `what is measured is the weights alone`,
  }),
  "target-refuses": (p) => ({
    title: `"${p.target}" does not hold ${p.what}`,
    places: labels([p.span, `saved here`]),
    hint: p.hint,
  }),
  "codes-unread": (p) => ({
    title: `the codes of ${p.model}, of ${p.by}, cannot be read: ${p.because}`,
    places: labels([p.span, `this model`]),
    hint: p.isWhole
      ? `if its config.json is as ${p.by} wrote it, lcomp does not read such folders; take the model that it was made from`
      : `is it whole? download or write it again; or take the model that it was made from`,
  }),
};

function otherShape({ expected, found, parts, layers }: Of<WeightProblem, "weight-shape">): string {
  const [count, ...more] = found;
  const product = expected.reduce((all, size) => all * size, 1);
  if (parts !== undefined && more.length === 0 && count === product)
    return `the checkpoint has these ${count} numbers in one dimension: declare it so, as \`f32[${parts}]\``;
  if (layers) return `${list(layers)} lie in it one after the other, in the order of their declarations`;
  if (expected.length === found.length && expected.toSorted().join() === found.toSorted().join())
    return "the dimensions of a weight are declared in the order in which the checkpoint has them";
  return "config.json and the weights are not of the same model, or the architecture is another";
}

/** `, and lacks 3 more`, if there are more. */
const more = (others: number, text: string): string => (others > 0 ? text.replace("#", String(others)) : "");

const counted = (names: readonly string[], one: string, many: string): string =>
  names.length === 1 ? one : `${names.length} ${many}`.trimEnd();

/** The first names of a list. */
const several = (names: readonly string[]): string => `${list(names.slice(0, 3))}${names.length > 3 ? " …" : ""}`;
