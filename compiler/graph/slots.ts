import { type TaskPart, taskParts } from "../plan/plan.ts";
import { activationSlot } from "../plan/step.ts";

/** What the inputs and outputs of programs are called; steps bind them, and nothing else needs to know. */
export const slotNames = {
  tokens: "tokens",
  /** What else a task has of each choice. */
  ofTask: (part: TaskPart) => `${part} of the task`,
  /** What a block or a head takes, and what a block gives. */
  activation: activationSlot,
  /** Where a text goes on: the place of the first of the tokens that come next, what is kept of those before, and the token that follows. */
  position: "position",
  cache: (i: number) => `cache ${i}`,
  next: "next",
  /** What a method takes and makes of a weight, and how many of its elements are zero. */
  weight: "w",
  result: "result",
  zeros: "zeros",
  /** The layer's bias, and the one that a method gives. */
  bias: "bias",
  newBias: "new bias",
  /** What a method collects of all layers, and the place of the layer's block among them. */
  collected: (i: number | string) => `collected ${i}`,
  place: "layer",
  /** What a method makes of the layers that read one activation, and by which name the steps that change weights read it. */
  fold: "fold",
  foldOf: (readers: string) => `fold of ${readers}`,
  /** The matrices by which a method on blocks rotates activations, and how many products of their columns are not those of unit vectors at right angles. */
  rotation: (i: number) => `rotation ${i}`,
  askew: "askew",
  /** What of a model is a candidate's makes it this much worse. */
  harm: "harm",
  /** How a step that reads a model and what was made of it calls the latter. */
  made: "made",
  /** What a method computes of statistics alone, before it looks at weights. */
  hoisted: (i: number) => `hoisted ${i}`,
  /** How many of the scores that a method ranks, or of the numbers that a measure compares, are NaN. */
  unordered: (i: number) => `unordered ${i}`,
  /** How many rows of a triangle that is inverted have a 0 on the diagonal. */
  singular: (i: number) => `singular ${i}`,
  /** How many rows of a sweep end in NaN or an infinity. */
  diverging: (i: number) => `diverging ${i}`,
  /** How many elements of eigenvectors are NaN or infinite. */
  undecomposed: (i: number) => `undecomposed ${i}`,
  /** Beside the statistics: how many values of an activation are NaN or infinite. */
  notFinite: (i: number) => `not finite ${i}`,
  /** A field of a weight that a format stores. */
  field: (weight: string, name: string) => `${weight} ${name}`,
  /** Where zeros are kept: how many would be lost. */
  lost: "lost zeros",
  /** Beside codes: how many numbers are not what is stored of them. */
  misfit: (i: number) => `misfit ${i}`,
  /** The outputs of an evaluation, of each window. */
  series: (i: number) => `e${i}`,
  /** What is counted of each layer of a model: weights that are 0, and runs in which more are not. */
  zerosIn: (model: string) => `zeros in ${model}`,
  broken: (model: string, keep: number, of: number) => `not ${keep} of ${of} in ${model}`,
  /** The outputs of a measure. */
  value: (i: number) => `v${i}`,
  /** What a measure reads of one of its models: the name of a parameter or a stage has no colon, a tensor's may have one. */
  ofModel: (model: string | number, name: string) => `${model}:${name}`,
} as const;

/** The part of a task that a slot is of; undefined for any other. */
export const taskPartIn = (slot: string): TaskPart | undefined =>
  taskParts.find((part) => slotNames.ofTask(part) === slot);

/** The field that an output of a method is; null for any other. */
export const fieldIn = (output: string): string | null =>
  output.startsWith(slotNames.field(slotNames.result, "")) ? output.slice(slotNames.result.length + 1) : null;

/** Whether a state is of all layers of a stage, or says which of them is at hand. */
export const isOfLayers = (slot: string): boolean =>
  slot === slotNames.place || slot.startsWith(slotNames.collected(""));

/** The model and the name in `slotNames.ofModel`; null for any other name. */
export function modelOf(slot: string): { readonly model: string; readonly name: string } | null {
  const at = slot.indexOf(":");
  return at < 0 ? null : { model: slot.slice(0, at), name: slot.slice(at + 1) };
}
