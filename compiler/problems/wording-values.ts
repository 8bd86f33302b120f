/** What can be wrong with arguments and with what is given where something else is needed. */
import type { Span } from "../../grammar/source.ts";
import { labels, suggestion, type Wording } from "./description.ts";

export type ValueProblem =
  | { kind: "out-of-range"; span: Span; what: string; value: string; range: string; hint?: string }
  | { kind: "never-holds"; span: Span; compared: string }
  | { kind: "missing-parameter"; span: Span; of: string; name: string; type: string; form?: string }
  | { kind: "unknown-parameter"; span: Span; of: string; name: string; known: readonly string[]; form: string }
  | { kind: "wrong-arguments"; span: Span; of: string; surplus?: string; first?: Span; form: string }
  | { kind: "wrong-parameter"; span: Span; of: string; name: string; expected: string; found: string; hint?: string }
  | { kind: "wrong-type"; span: Span; expected: string; found: string; hint?: string };

export const valueWording: Wording<ValueProblem> = {
  "out-of-range": (p) => ({
    title: `${p.what} is ${p.value}, and must be ${p.range}`,
    places: labels([p.span, `this is ${p.value}`]),
    hint: p.hint,
  }),
  "never-holds": (p) => ({
    title: "what is expected does not hold, whatever is computed",
    places: labels([p.span, p.compared === "" ? "this is false" : `this is ${p.compared}`]),
  }),
  "missing-parameter": (p) => ({
    title: `\`${p.of}\` needs \`${p.name}\`${p.type ? ` (${p.type})` : ""}`,
    places: labels([p.span, `\`${p.name}\` is not given`]),
    hint: p.form && written(p.form),
  }),
  "unknown-parameter": (p) => ({
    title: `\`${p.of}\` has no parameter \`${p.name}\``,
    places: labels([p.span, `not a parameter`]),
    hint: suggestion(p.name, p.known) ?? written(p.form),
  }),
  "wrong-arguments": (p) => {
    const first: readonly (readonly [Span, string])[] = p.first ? [[p.first, `given here`]] : [];
    return {
      title: p.surplus
        ? `\`${p.of}\` has no place for ${p.first ? "a second" : "the argument"} \`${p.surplus}\``
        : `\`${p.of}\` is not called like this`,
      places: labels([p.span, p.surplus ? `one too many` : `called here`], ...first),
      hint: written(p.form),
    };
  },
  "wrong-parameter": (p) => ({
    title: `\`${p.name}\` of \`${p.of}\` must be ${p.expected}, and is ${p.found}`,
    places: labels([p.span, `this is ${p.found}`]),
    hint: p.hint,
  }),
  "wrong-type": (p) => ({
    title: `this must be ${p.expected}, and is ${p.found}`,
    places: labels([p.span, `this is ${p.found}`]),
    hint: p.hint,
  }),
};

const written = (form: string): string => `it is written \`${form}\``;
