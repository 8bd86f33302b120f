/** How a model continues texts: a plan without texts, whose steps the runtime takes again and again, and where they read and write. */
import type { Plan } from "./plan.ts";

export interface ContinuationSizes {
  /** The most tokens of a text, with what continues it. */
  readonly capacity: number;
  /** How many tokens of a prompt are read at once. */
  readonly chunk: number;
  /** How many texts go on side by side; undefined: one after the other. */
  readonly texts?: number | undefined;
}

export interface Continuation extends ContinuationSizes {
  readonly plan: Plan;
  /** What is on the GPU from the first text to the last beside weights: the bytes of buffers by their names. */
  readonly buffers: Readonly<Record<string, number>>;
  /** What `chunk` tokens of a prompt pass, from the embedding to the last block. */
  readonly prompt: readonly TextStep[];
  /** What one token passes, and behind it the head, which gives the one that follows; of texts that go on side by side, the head alone. */
  readonly next: readonly TextStep[];
  /** What one token of each of several texts passes, to the head. */
  readonly together: readonly TextStep[];
}

/** A step, with the names of buffers for what is no weight. */
export interface TextStep {
  /** Its place in the plan. */
  readonly step: number;
  /** By slots of its program. */
  readonly data: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
  /** What it says of each of its tokens that later ones read: so many bytes a token of a text, to lie behind those of the tokens before. */
  readonly adds: readonly { readonly from: string; readonly to: string; readonly bytes: number }[];
}

/** The buffers that texts come in and go out by: token ids of a prompt, where in the text they are, and the token that follows. */
export const textBuffers = {
  ...{ tokens: "tokens", position: "position", next: "next" },
  /** Of each of several texts. */
  ...{ positions: "positions", nexts: "next of each" },
} as const;

/** What is kept of several texts, side by side, by the name of what is kept of one. */
export const ofTexts = (buffer: string): string => `${buffer}, of each text`;
