/** What can be wrong with names: what they stand for, where they may stand, and the modules that they come from. */
import type { Span } from "../../grammar/source.ts";
import { type Description, labels, type Of, suggestion, type Wording } from "./description.ts";

export type NameProblem =
  | { kind: "unknown-name"; span: Span; name: string; what: string; known: readonly string[]; hint?: string }
  | { kind: "duplicate-name"; span: Span; name: string; first: Span; hint?: string }
  | { kind: "saved-twice"; span: Span; name: string; first: Span }
  | { kind: "reported-twice"; span: Span; name: string; first: Span }
  | { kind: "reserved-name"; span: Span; name: string }
  | { kind: "activation-outside-observe"; span: Span; name: string; isWeight: boolean }
  | { kind: "observation-keeps"; span: Span; name: string }
  | { kind: "import-not-found"; span: Span; path: string; known: readonly string[] }
  | { kind: "import-refused"; span: Span; path: string; reason: string }
  | { kind: "import-circular"; span: Span; chain: readonly string[] }
  | { kind: "recursion"; span: Span; name: string; declared: Span }
  | {
      kind: "too-much-work";
      span: Span;
      /** The function at work, if one is. */
      name: string | undefined;
      limit: "evaluations" | "depth" | "records";
      most: number;
    }
  | { kind: "not-supported"; span: Span; what: string; hint?: string };

export const nameWording: Wording<NameProblem> = {
  "unknown-name": (p) => ({
    title: `there is no ${p.what} \`${p.name}\` here`,
    places: labels([p.span, `not known`]),
    hint: suggestion(p.name, p.known) ?? p.hint,
  }),
  "duplicate-name": (p) => ({
    title: `\`${p.name}\` is declared twice`,
    places: labels([p.span, `again here`], [p.first, `first here`]),
    hint: p.hint,
  }),
  "saved-twice": (p) => ({
    title: `two models are saved as \`${p.name}\``,
    places: labels([p.span, `again here`], [p.first, `first here`]),
    hint: `of several, each lies in a folder of its name: give one another, \`let other = ${p.name}\`, and save that`,
  }),
  "reported-twice": (p) => ({
    title: `two numbers are reported as \`${p.name}\``,
    places: labels([p.span, `again here`], [p.first, `first here`]),
    hint: `a record that has a name reports its fields under it: \`let other = { … }\`, and \`report other\``,
  }),
  "reserved-name": (p) => ({
    title: `a recipe's parameter cannot be called \`${p.name}\``,
    places: labels([p.span, `means something else`]),
    hint: `parameters are flags of the command line, and \`--${p.name}\` has a meaning there: give it another name`,
  }),
  "activation-outside-observe": (p) => ({
    title: p.isWeight
      ? `\`${p.name}\` is a weight of one block, and each block has its own`
      : `\`${p.name}\` is an activation: it exists only while samples stream through the model`,
    places: labels([p.span, `used outside \`observe\``]),
    hint: p.isWeight
      ? `say what to keep of each: \`observe size = …\``
      : `say what to keep of it: \`observe power = sum(${p.name}^2, over (sample, token))\``,
  }),
  "observation-keeps": (p) => ({
    title: `the observation \`${p.name}\` keeps \`token\``,
    places: labels([p.span, "this has `token` still"]),
    hint: "reduce over token with sum, mean, max, min or norm, or take one of them: `x[token: size(token) - 1]`",
  }),
  "import-not-found": (p) => ({
    title: `there is no module ${quotedPath(p.path)}`,
    places: labels([p.span, `not found`]),
    hint:
      suggestion(p.path, p.known) ?? `modules are \`std/…\`, or files relative to this one, such as \`./mine.lcomp\``,
  }),
  "import-refused": (p) => ({
    title: `the module ${quotedPath(p.path)} is not read: ${p.reason}`,
    places: labels([p.span, `not read`]),
    hint: `a recipe imports \`std/…\`, and files that end in \`.lcomp\` and lie in its own folder or below`,
  }),
  "import-circular": (p) => ({
    title: `these modules import each other: ${p.chain.join(" → ")}`,
    places: labels([p.span, `comes back to where it started`]),
    hint: `move what both need into a third module`,
  }),
  recursion: (p) => ({
    title: `\`${p.name}\` calls itself`,
    places: labels([p.span, `called here`], [p.declared, `while this is being computed`]),
    hint: `\`repeat n from { x } { { x: step(x) } }\` makes a record anew n times, each of the one before`,
  }),
  "too-much-work": describeWork,
  "not-supported": (p) => ({
    title: `${p.what} is not supported yet`,
    places: labels([p.span, `not supported yet`]),
    hint: p.hint,
  }),
};

function describeWork({ span, name, limit, most }: Of<NameProblem, "too-much-work">): Description {
  const many = most.toLocaleString("en");
  const subject = name === undefined ? "this" : `\`${name}\``;
  switch (limit) {
    case "evaluations":
      return {
        title: `${subject} calls too much: ${many} expressions were evaluated, and it has not ended`,
        places: labels([span, `too much work`]),
        hint: "equal calls are evaluated once, and others each by itself: call less often with different arguments",
      };
    case "depth":
      return {
        title: `${subject} calls too deeply: ${many} expressions are nested in one another`,
        places: labels([span, `too deep`]),
        hint: `write several steps into one function, with \`let\``,
      };
    case "records":
      return {
        title: `more than ${many} records are nested in one another`,
        places: labels([span, `too deep`]),
        hint: `give the inner ones a name each, and return them side by side`,
      };
  }
}

/** A stranger may write anything there. */
const quotedPath = (path: string): string => `\`${path.length > 80 ? `${path.slice(0, 80)}…` : path}\``;
