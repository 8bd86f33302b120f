/** What one stage of a recipe can do to another. */
import { type Span, textAt } from "../../grammar/source.ts";
import { labels, type Wording } from "./description.ts";

/** `by` names the stage that has made codes, at `made`, of `from`, or a method before this one in a chain of a choice. */
interface OfCodes {
  span: Span;
  stage: string;
  by: string;
  made: Span;
  format: string;
  from: string;
  isInChain: boolean;
}

export type EffectProblem =
  | { kind: "needs-numbers"; span: Span; layer: string | null; format: string; of: string }
  | (OfCodes & { kind: "prunes-codes" })
  /** `overlap`: the layers that are codes already, by names, if those of other names in the stage are not. */
  | (OfCodes & { kind: "codes-twice"; of: string; overlap: readonly string[] })
  /** `relies` is where zeros are counted on that `by` has made and `stage`, at `span`, does not keep. */
  | {
      kind: "zeros-lost";
      span: Span;
      stage: string;
      by: string;
      made: Span;
      zeros: string;
      how: "changed" | "cut" | "turned";
      /** `stage` chooses, and what it chooses from loses them. */
      isChoice: boolean;
      relies: Span;
    }
  /** `by` has moved scales or rotated, at `made`, on the way to `of`, of `from`, or on that to the other model. */
  | {
      kind: "other-basis";
      span: Span;
      what: "scales" | "bases";
      other: string;
      of: string;
      by: string;
      made: Span;
      from: string | null;
    }
  | { kind: "unread-stage"; span: Span; stage: string }
  /** A method is given the model that its stage is of for another. */
  | { kind: "same-model"; span: Span; stage: string; of: string; parameter: string }
  /** `by` has rotated them, at `made`. */
  | { kind: "prunes-rotated"; span: Span; stage: string; zeros: string; by: string; made: Span }
  /** Zeros that `by` has made, at `made`. */
  | { kind: "zeros-unseen"; span: Span; stage: string; method: string; zeros: string; by: string; made: Span }
  /** `by` has made other zeros, at `made`, than those that are expected of `model`. */
  | {
      kind: "pattern-unseen";
      span: Span;
      model: string;
      pattern: string;
      /** What makes other zeros; null where nothing makes any. */
      by: { readonly name: string; readonly made: Span; readonly zeros: string } | null;
    }
  /** In so many layers; `layer` is the one with most columns. */
  | {
      kind: "few-rows";
      span: Span;
      stage: string;
      layer: string;
      layers: number;
      columns: number;
      windows: number;
      length: number;
    }
  /** `by` has dropped `more` of the weights, at `made`, or made codes of them. */
  | {
      kind: "stronger-first";
      span: Span;
      stage: string;
      zeros: string;
      by: string;
      made: Span;
      more: string;
      format: string | null;
    };

const lostBy = {
  changed: "gives weights that are 0 other values",
  cut: "cuts columns away",
  turned: "turns weights that are 0 with others",
} as const;

/** A method of a chain as it is written. */
const methodIn = (span: Span): string => textAt(span).replace(/\s+/g, " ");

export const effectWording: Wording<EffectProblem> = {
  "needs-numbers": (p) => ({
    title: `the weights of ${p.layer ? `\`${p.layer}\`` : `\`${p.of}\``} are codes (${p.format}), and a method sees numbers`,
    places: labels([p.span, "changes them"]),
    hint: `${p.layer ? `leave it out with \`except ${p.layer}\`, or ` : ""}write \`of ${p.of} decode\` for codes to become numbers first; codes of these are rounded twice`,
  }),
  "prunes-codes": (p) => ({
    title: `\`${p.isInChain ? methodIn(p.span) : p.stage}\` drops weights that \`${p.isInChain ? methodIn(p.made) : p.by}\` has made codes of, ${p.format}`,
    places: labels([p.span, "drops some of them"], [p.made, "makes codes of them"]),
    hint: p.isInChain
      ? `drop first: \`${methodIn(p.span)} then ${methodIn(p.made)} keeping zeros\``
      : `drop first: \`stage ${p.stage} = … of ${p.from}\`, and then \`stage ${p.by} = … of ${p.stage} … keeping zeros\``,
  }),
  "codes-twice": (p) => ({
    title: `\`${p.isInChain ? methodIn(p.span) : p.stage}\` makes codes of weights that are codes already, ${p.format} of \`${p.isInChain ? methodIn(p.made) : p.by}\``,
    places: labels([p.span, "makes codes again"], [p.made, "makes codes of them"]),
    hint: p.isInChain
      ? `leave one of the two out of the chain`
      : `${p.overlap.length > 0 ? `add \`except ${p.overlap.join(", ")}\`, or ` : ""}leave \`${p.by}\` out, and let \`${p.stage}\` be \`of ${p.from}\`; \`of ${p.of} decode\` rounds what is rounded already`,
  }),
  "zeros-lost": (p) => ({
    title: `\`${p.stage}\` does not keep the zeros that \`${p.by}\` makes, ${p.zeros}`,
    places: labels([p.span, lostBy[p.how]], [p.made, `makes them 0`], [p.relies, "counts on them"]),
    hint:
      p.how !== "changed"
        ? `${p.how === "cut" ? "cut" : "rotate"} first: \`stage ${p.stage}\` before \`stage ${p.by}\``
        : `end ${p.isChoice ? `the candidates of \`stage ${p.stage}\`` : `\`stage ${p.stage}\``} with \`keeping zeros\`, if what it stores can be 0 exactly, as thin factors cannot`,
  }),
  "other-basis": (p) => ({
    title: `weights of \`${p.other}\` and of \`${p.of}\` are in different ${p.what}, as \`${p.by}\` is behind one of them only`,
    places: labels(
      [p.span, "compares the same layers of both"],
      [p.made, p.what === "scales" ? "moves scales into weights" : "rotates weights"],
    ),
    hint:
      p.from === null
        ? `name a model or stage from which \`${p.of}\` was made, without \`${p.by}\``
        : `let it come before \`${p.by}\`, \`of ${p.from}\`, or name a model that is behind \`${p.by}\` as well`,
  }),
  "unread-stage": (p) => ({
    title: `nothing reads what stage \`${p.stage}\` makes`,
    places: labels([p.span, "it is neither saved nor measured, and no other stage is of it"]),
    hint: `take the stage out, or was another one to be \`of ${p.stage}\`?`,
  }),
  "same-model": (p) => ({
    title: `\`${p.parameter}\` of \`${p.stage}\` is \`${p.of}\`, the model that the stage is of`,
    places: labels([p.span, "sees the same weights twice"]),
    hint: `what a method does by two models needs two: name another one, or another stage behind \`of\``,
  }),
  "prunes-rotated": (p) => ({
    title: `\`${p.stage}\` drops weights (${p.zeros}) that \`${p.by}\` has rotated`,
    places: labels([p.span, "drops some of them"], [p.made, "rotates them"]),
    hint: `a rotation makes weights alike, and scores tell less which matter: drop without it, or make codes behind it instead`,
  }),
  "zeros-unseen": (p) => ({
    title: `nothing in \`${p.method}\` shows that \`${p.stage}\` keeps the zeros of \`${p.by}\` (${p.zeros})`,
    places: labels([p.span, "it is to keep them"], [p.made, "makes them"]),
    hint: "the run stops at the first layer that loses one: make codes of them with a method that has a code for 0, or leave `keeping zeros` out",
  }),
  "pattern-unseen": (p) => ({
    title: p.by
      ? `nothing shows that the zeros of \`${p.model}\` (${p.by.zeros}) are ${p.pattern}`
      : `nothing shows that weights of \`${p.model}\` are 0 as in ${p.pattern}`,
    places: labels(
      [p.span, "is counted when all has been computed"],
      ...(p.by ? [[p.by.made, "makes them"] as const] : []),
    ),
    hint: p.by
      ? `where it does not hold nothing is saved: let \`${p.by.name}\` make ${p.pattern}, or expect what it makes`
      : `where it does not hold nothing is saved: end the method in \`w where best(…)\` of runs, or leave the \`expect\` out`,
  }),
  "few-rows": (p) => ({
    title: `\`${p.stage}\` factors a matrix of ${p.columns} columns, of what \`${p.layer}\` reads, that ${p.windows * p.length} tokens make`,
    places: labels([
      p.span,
      `in ${p.layers === 1 ? "a layer" : `${p.layers} layers`} there are fewer tokens than columns`,
    ]),
    hint: `what they do not show is what damping makes of it: take ${Math.ceil(p.columns / p.length)} windows of ${p.length} tokens or more`,
  }),
  "stronger-first": (p) => ({
    title: `\`${p.stage}\` drops weights (${p.zeros}) after \`${p.by}\` has ${p.format ? `rounded them to ${p.format}` : `dropped more (${p.more})`}`,
    places: labels([p.span, "drops some of them"], [p.made, p.format ? "rounds them" : "drops more of them"]),
    hint: `${p.format ? "dropping before rounding" : "the weaker step first"} costs less: let \`${p.by}\` be \`of ${p.stage}\``,
  }),
};
