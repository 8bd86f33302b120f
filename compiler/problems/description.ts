/** What the wording of problems is made of. */
import type { Label } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import { nearest } from "../../grammar/suggest.ts";

/** A message without its name. */
export interface Description {
  readonly title: string;
  readonly places: readonly Label[];
  readonly hint?: string | undefined;
}

/** One kind of several. */
export type Of<P extends { readonly kind: string }, K> = Extract<P, { kind: K }>;

/** The wording of each of some problems. */
export type Wording<P extends { readonly kind: string }> = {
  readonly [K in P["kind"]]: (problem: Of<P, K>) => Description;
};

/** Places with what stands there, the first being the message's own. */
export const labels = (...pairs: readonly (readonly [Span, string])[]): readonly Label[] =>
  pairs.map(([span, text]) => ({ span, text }));

/** Names as people list them. */
export const list = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ");

/** Did you mean another of the known names. */
export function suggestion(name: string, known: readonly string[]): string | undefined {
  const found = nearest(name, known);
  return found ? `did you mean \`${found}\`?` : undefined;
}
