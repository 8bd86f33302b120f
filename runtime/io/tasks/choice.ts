/** Choices as tokens, split between context and continuation as lm-evaluation-harness does. */
import { Ids } from "../../tokenizer/ids.ts";
import type { Tokenizer } from "../tokenizer.ts";
import type { Choice } from "./items.ts";
import { withoutEnd } from "./text-rules.ts";

export interface EncodedItem {
  readonly choices: readonly EncodedChoice[];
  readonly answer: number;
}

export interface EncodedChoice {
  /** Context and continuation; at most one more than the model can read, as nothing follows the last. */
  readonly tokens: Int32Array;
  /** How many of them, at the end, are scored. */
  readonly scored: number;
  readonly characters: number;
}

/**
 * Both are encoded together, and the context alone: what the former has more is the continuation. White space at the end of the context
 * belongs to the continuation, as tokens of words begin with it.
 */
export function encodeChoice(
  { context, continuation }: Pick<Choice, "context" | "continuation">,
  tokenizer: Pick<Tokenizer, "encode" | "opening" | "head">,
): Pick<EncodedChoice, "tokens" | "scored"> {
  const [kept, end] = withoutEnd(context);
  const before = tokensOf(kept, tokenizer);
  const whole = tokensOf(kept + end + continuation, tokenizer);
  const beginning = before.length > 0 || tokenizer.head === undefined ? [] : [tokenizer.head];
  return {
    tokens: Int32Array.from([...beginning, ...whole]),
    scored: Math.max(0, whole.length - before.length),
  };
}

/** The tokens of a query, behind what precedes one, unless its text begins with the beginning of text. */
export function tokensOf(
  text: string,
  { encode, opening, head }: Pick<Tokenizer, "encode" | "opening" | "head">,
): Int32Array {
  const ids = new Ids();
  encode(text, ids, () => undefined);
  const own = ids.taken();
  return head !== undefined && own[0] === head ? own : Int32Array.from([...opening, ...own]);
}
