/** References of a plan by key. A pick refers to each of those that it chooses from, and to the decision. */
import type { Ref } from "../../compiler/plan/step.ts";

/** A reference to one artefact, whatever a decision says. */
export type PlainRef = Exclude<Ref, { readonly pick: readonly Ref[] }>;

/** Equal for equal references. */
export function keyOf(ref: PlainRef): string {
  if ("step" in ref) return `${ref.step} ${ref.output}`;
  return "windows" in ref ? `windows ${ref.windows}` : `${ref.model}:${ref.tensor}`;
}

/** All that may be read where a reference is. */
export const plainRefs = (ref: Ref): readonly PlainRef[] =>
  "pick" in ref ? [...ref.pick, ref.by].flatMap(plainRefs) : [ref];
