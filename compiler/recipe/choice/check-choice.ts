/** A stage that chooses: each layer becomes what one of several candidates makes of it. */
import type * as Ast from "../../../grammar/ast.ts";
import type { Span } from "../../../grammar/source.ts";
import { type Context, report } from "../../language/context.ts";
import { tensorName } from "../../model/declared-tensor.ts";
import type { Selected } from "../../model/selector.ts";
import type { Checking } from "../checking.ts";
import type { TypedStage } from "../typed.ts";
import { type Chain, chainsOf, emptyChoice } from "./candidates.ts";
import { choosing } from "./harm.ts";

/** Checks a stage of those of its layers that are taken, and adds it. */
export type CheckStage = (at: Checking, stage: Ast.Stage, isTaken: (layer: Selected) => boolean) => void;

/** False, and a problem, where a stage has candidates and its method chooses nothing, or the reverse. */
export function suitsCandidates(
  { context }: Checking,
  { among, over, decode, method: { span } }: Ast.Stage,
  { name, on, parameters }: Ast.Method,
): boolean {
  const chooses = on.text === choosing;
  const empty = emptyChoice(among ?? []);
  const hasBudget = parameters.some(
    ({ name: { text }, type }) => text === "bytes" && type?.kind === "plain-type" && type.name.text === "Bytes",
  );
  if (chooses && decode) refuseCodes(context, span);
  else if (chooses && !hasBudget) {
    const hint = "declare `bytes: Bytes` among its parameters, the most that the model may take";
    report(context, { kind: "not-supported", span: name.span, what: `a method on ${choosing} without a budget`, hint });
  } else if (chooses && !over) {
    const hint = "windows of text go through the model with each candidate: add `over` and a sample";
    report(context, { kind: "not-supported", span, what: `\`${name.text}\` without \`over\``, hint });
  } else if (chooses && !among) {
    const hint = "it chooses: add `among { … }` with a method a line";
    report(context, { kind: "not-supported", span, what: `\`${name.text}\` without \`among\``, hint });
  } else if (!chooses && among) {
    const hint = "`among` is for methods on candidates";
    report(context, { kind: "not-supported", span, what: `\`among\` with \`${name.text}\``, hint });
  } else if (empty)
    report(context, {
      kind: "wrong-type",
      span: empty.span,
      expected: "one of some values",
      found: "a choice of none",
    });
  else return true;
  return false;
}

/** Says that candidates are for numbers. */
export function refuseCodes(context: Context, span: Span): void {
  const what = "a choice for what is stored as codes";
  report(context, { kind: "not-supported", span, what, hint: "choose for the model that the codes were made of" });
}

/** The candidates as stages on all layers, each by itself; what follows sees the result of the first. */
export function candidatesOf(
  at: Checking,
  stage: Ast.Stage,
  checkStage: CheckStage,
): NonNullable<TypedStage["candidates"]> {
  return chainsOf(stage.among ?? []).map((chain) => {
    const all = [...at.stages];
    let of = stage.of;
    for (const each of stagesOf(stage, chain)) {
      checkStage({ ...at, stages: all }, { ...each, of }, () => true);
      of = each.name;
    }
    const stages = all.slice(at.stages.length);
    return { text: stages.map(({ called }) => called).join(" then "), stages };
  });
}

/**
 * Adds the stages that make what was chosen, one candidate after the other; the last has the stage's name. What is to be told of them
 * was told of the candidates.
 */
export function addChosen(
  { context, ...at }: Checking,
  stage: Ast.Stage,
  chosen: ReadonlyMap<string, number>,
  checkStage: CheckStage,
): void {
  const taken = chainsOf(stage.among ?? []).flatMap((chain, candidate) =>
    [...chosen.values()].includes(candidate) ? stagesOf(stage, chain).map((each) => ({ each, candidate })) : [],
  );
  let of = stage.of;
  const first = at.stages.length;
  for (const [i, { each, candidate }] of taken.entries()) {
    const name = i === taken.length - 1 ? stage.name : each.name;
    const untold = { ...at, context: { ...context, notes: [] } };
    checkStage(untold, { ...each, of, name }, (layer) => chosen.get(weightOf(layer)) === candidate);
    of = name;
  }
  at.stages.push(...at.stages.splice(first).map((each) => ({ ...each, chosenBy: stage.name.text })));
}

const weightOf = ({ linear, layer }: Selected): string => tensorName(linear.weight, layer);

/** The stages of a candidate, each by what was done to its layers until then, and will be; the last keeps what the candidate keeps. */
const stagesOf = ({ among: _, keeping: __, ...stage }: Ast.Stage, { methods, keeping }: Chain): readonly Ast.Stage[] =>
  methods.map(({ call: method }, i) => {
    const [until, behind] = [methods.slice(0, i + 1), methods.slice(i + 1)].map((some) =>
      some.map(({ text }) => text).join(" then "),
    );
    const called = `${until}${behind ? ` before ${behind}` : ""}${keeping ? ` keeping ${keeping.text}` : ""}`;
    return {
      ...{ ...stage, method, span: method.span },
      name: { ...stage.name, text: `${stage.name.text} by ${called}` },
      ...(keeping && i === methods.length - 1 && { keeping }),
    };
  });
