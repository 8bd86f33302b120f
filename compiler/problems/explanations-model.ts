/** What `lcomp explain` says of problems that only a model brings out. */
import type { Example, ExampleModel, Examples, Explanation } from "./explanation.ts";
import type { ModelProblem } from "./wording-model.ts";
import type { WeightProblem } from "./wording-weights.ts";

const config = { architectures: ["OwnForCausalLM"], vocab_size: 32, hidden_size: 16 };
const model: ExampleModel = { config, tensors: { "embed.weight": [32, 16], "head.weight": [32, 16] } };

interface Lines {
  readonly name?: string;
  readonly dim?: string;
  readonly members?: string;
  readonly forward?: string;
  readonly method?: string;
  readonly stage?: string;
}

/** The smallest architecture and recipe around the lines at hand. */
const programWith = ({
  name = "OwnForCausalLM",
  dim = "dim model = config.hidden_size",
  members = 'table embed: f32[vocab, model] at "embed.weight"',
  forward = "fn forward(tokens: i32[token]) -> f32[token, vocab] = head(embed[vocab: tokens])",
  method = "method halved() on linear(w: f32[out, in]) { w / 2 }",
  stage = "stage small = halved() of model for head",
}: Lines): string => `arch own for "${name}" {
  dim vocab = config.vocab_size
  ${dim}
  ${members.replaceAll("\n", "\n  ")}
  linear head: model -> vocab at "head"

  ${forward}
}

${method}

recipe half(model: Model) {
  ${stage}
}
`;

/** Examples that show one line of that program. */
const lines = (of: keyof Lines, wrong: string, right: string, given: ExampleModel = model): Examples => {
  const example = (line: string): Example => ({ shown: line, program: programWith({ [of]: line }), model: given });
  return { wrong: example(wrong), right: example(right) };
};

const folding = (forward: string): Example => {
  const method = "method levelled() on readers(w: f32[out, in]) { { fold: 1 / max(abs(w), over out) } }";
  const stage = "stage even = levelled() of model for head";
  return { shown: `${forward}\n\n${stage}`, program: programWith({ forward, method, stage }), model };
};

const withTensor = (name: string, shape: readonly number[]): ExampleModel => ({
  config,
  tensors: { ...model.tensors, [name]: shape },
});

const named = (line: string): Example => ({
  shown: `arch own for "${line}" { … }`,
  program: programWith({ name: line }),
  model,
});

export const modelExplanations: Readonly<Record<(ModelProblem | WeightProblem)["kind"], Explanation>> = {
  "empty-selector": {
    text: `A selector that matches no layer is a mistake and no empty stage. \`linear\` is every linear layer, \`layer[0 .. 4]\` those of some blocks, \`layer[0 .. 4].mlp.*\` some of theirs, by the names of the architecture or of the checkpoint. A range is half open, and several stand with commas between them; each must name a block. The message lists the names that this model has.`,
    examples: lines("stage", "stage small = halved() of model for heads", "stage small = halved() of model for head"),
  },
  "cannot-fold": {
    text: `A method on \`readers\` gives a scale for the inputs of the layers that read one activation: their columns are multiplied by it, and what makes the activation is divided, so that nothing changes but rounding. What makes it is found in the forward pass: the gain of a norm, or a linear layer with nothing behind it that a factor for each channel would change; and all that read the activation must be in the stage. The message shows the place where that ends: a function that does not commute with a factor, a head that is read by several, the residual stream, a reader that is not selected.`,
    examples: {
      wrong: folding("fn forward(tokens: i32[token]) = head(tanh(embed[vocab: tokens]))"),
      right: folding("fn forward(tokens: i32[token]) = head(embed[vocab: tokens])"),
    },
  },
  "cannot-rotate": {
    text: `\`rotate input by q\` turns an activation by an orthogonal matrix, and with it all that the forward pass adds to it or makes of it, so that the model computes what it did. What is turned with it is found in the forward pass: sums, linear layers, embeddings, products with what is the same for all places, and the mean of squares in a norm go along; a function of each place by itself, a mean of all places, a slice or an index of the dimension do not. The gain of a norm multiplies each place by itself: it moves into the linear layers that read nothing but what it multiplies. The message shows where that ends: layer norms take a mean away, and where a norm ends a branch its result is added to the stream, so that no layer can take the gain over.`,
  },
  "other-layers": {
    text: `A parameter of type Model stands for another model, of which a method on linear layers sees the same layer that it works on: as in \`stage nearer = halfway(model) of sparse\`, where each layer of \`sparse\` meets that of \`model\`. Both need as many blocks, and the layer must have the same sizes in both. A stage that drops blocks or narrows dimensions gives layers that are none of the model before it: name the stage itself, or one behind it.`,
  },
  "unreached-layer": {
    text: `The architecture declares a layer that its forward pass does not call, or calls only for other values of config.json. Its weights can be changed by a method that reads nothing but \`w\`, but nothing goes into the layer that \`observe\` could see. Leave it out with \`except\`, or let the forward pass of your architecture call it.`,
  },
  "tied-weight": {
    text: `Many models have one matrix for the embedding and for the head, which a stage on all linear layers would change for both. Leave the head out, as a stage without \`for\` does, or say that it is meant by its name or by the table's: then its codes are stored once, and decoded wherever the model reads them.`,
  },
  "table-input": {
    text: `Tokens pick rows of a table, such as the embedding: nothing is multiplied with it whose statistics a method could have. Methods that read nothing but \`w\` work on tables as on linear layers, a row being an output; most of those that round each weight to the nearest code do. A head that shares the table's weight does have an input: select that by its name, and both become what the method gives.`,
  },
  "weight-missing": {
    text: `The architecture reads a tensor that the model's files do not hold. Are all files there, and is config.json that of this model? In an architecture of one's own: names are those of the checkpoint, and the number of the block is written {layer}.`,
    examples: lines(
      "members",
      'table embed: f32[vocab, model] at "embedding.weight"\nignore "embed.weight"',
      'table embed: f32[vocab, model] at "embed.weight"',
    ),
  },
  "weight-shape": {
    text: `config.json gives a tensor one shape and the stored weights another: they are not of the same model. In an architecture of one's own: the dimensions of a weight stand in the order of the checkpoint.`,
    examples: lines(
      "members",
      'table embed: f32[model, vocab] at "embed.weight"',
      'table embed: f32[vocab, model] at "embed.weight"',
    ),
  },
  "weight-unknown": {
    text: `The model holds a tensor that the architecture would leave out, so that the result would not be this model. It is a variant that needs an \`arch\` of its own; what is really not needed is named with \`ignore\`.`,
    examples: lines(
      "members",
      'table embed: f32[vocab, model] at "embed.weight"',
      'table embed: f32[vocab, model] at "embed.weight"\nignore "positions"',
      withTensor("positions", [64]),
    ),
  },
  "weight-prefix": {
    text: `A model that is wrapped, by torch.compile (_orig_mod.), a trainer (module.) or PEFT (base_model.model.), gives its tensors the wrapper's name in front, if it is saved from outside. Transformers fills a model from such a file with random numbers. The first part of the names may be missing, as in a model that was saved from inside.`,
  },
  "weight-type": {
    text: "Weights are read as F32, F16 and BF16. A model in double precision is converted without a loss that counts; whole numbers are codes of a quantiser, and mean nothing by themselves.",
  },
  "weight-unused": {
    text: `\`linear … bias where c\` has a bias if the condition holds. Where config.json says that there is none and the checkpoint has one all the same, it is left out, as Transformers does. This is said, and the work goes on.`,
  },
  "tied-stored": {
    text: `A layer that shares the weight of a table has none of its own in the checkpoint. Where both are stored, as after some fine-tunings and mergers, the stored one is read: Transformers 5 does so if they differ. No stage changes it, so that the result is to each version of Transformers what the model was. This is said, and the work goes on.`,
  },
  "model-quantised": {
    text: `Methods work on the numbers of a model, and a quantised one holds codes and scales in their place. Compress the model that it was made from. A config.json that only announces a quantisation, beside weights that are floats, says two things: take its \`quantization_config\` out if the weights are right.`,
  },
  "codes-unread": {
    text: "Weights that are stored as codes are read where config.json and the tensors of the files say the same of them: which layers are coded, how, and that everything is there. What does not agree would be read as other numbers than were written, and is refused.",
  },
  "activations-unrounded": {
    text: "Some folders say that a program which runs the model rounds activations to few bits, too, to multiply faster. lcomp reads the weights of such a folder and computes with activations as they are, so that its figures are a little better than those programs'. This is said, and the work goes on.",
  },
  "target-refuses": {
    text: 'Folders for other programs hold codes of some numbers of bits and kinds of scales, of weights whose sizes their words and kernels divide, and the layers that their loaders make one of (q, k and v; gate and up) alike. `save … as "lcomp"` holds every format, and `"huggingface"` the numbers that codes stand for.',
  },
  "names-differ": {
    text: "`architectures` and `model_type` in config.json name different models that one `arch` describes. Transformers goes by the type, and so does lcomp; without a type Transformers loads neither the model nor a result, which has the same config.json. This is said, and the work goes on.",
  },
  "own-code": {
    text: "A model with code of its own (`auto_map`) may compute something else than its `model_type` says. Transformers runs that code only if it is told to trust it, and lcomp never does. This is said, and the work goes on.",
  },
  "adapter-beside": {
    text: "What has been merged into a model often still lies in its folder as an adapter (adapter_config.json). Transformers adds it to the weights again where PEFT is installed, and without PEFT reads the weights alone, as lcomp does. This is said, and the work goes on; a result has no such adapter.",
  },
  "config-missing": {
    text: "The architecture needs a field that config.json does not have. `??` says what to take instead.",
    examples: lines("dim", "dim model = config.d_model", "dim model = config.d_model ?? config.hidden_size"),
  },
  "config-value": {
    text: "A dimension is a whole number from 1, and what config.json gives here is none.",
    examples: lines("dim", "dim model = 3 * config.hidden_size / 32", "dim model = 3 * config.hidden_size / 3"),
  },
  "unknown-architecture": {
    text: `config.json names an architecture that neither the library nor the recipe's own modules describe. An \`arch\` in a file of one's own can, and comes before the library's.`,
    examples: { wrong: named("OtherForCausalLM"), right: named("OwnForCausalLM") },
  },
  "device-limit": {
    text: `A tensor is larger than a buffer of this GPU may be, or a kernel needs more pieces of tensors than this GPU binds at once. What is computed on the way is divided until it fits; weights, statistics and results are not. Less to compute at a time, by a shorter \`length\`, makes activations smaller; another adapter may hold more, and \`lcomp doctor\` lists them with their limits.`,
  },
  "over-budget": {
    text: `What \`--gpu-memory\`, \`--memory\` or \`--store-limit\` allows is less than the plan takes at once. Activations have been moved to host memory and from there to disk, and kernels divided into strips, as far as that helps. What is left on the GPU are a block's weights, its statistics and the activations of one window; in host memory, the tokens of the texts and what is on its way; on disk, the weights that stages change, decisions, measures, and activations that have no room elsewhere.`,
  },
};
