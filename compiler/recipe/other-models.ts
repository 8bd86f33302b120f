/** Models beside the one that a stage works on: a parameter of its method stands for one, which shows the same layer's matrix. */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { Maker } from "../graph/make.ts";
import type { Node } from "../graph/ops.ts";
import { replaceInputs } from "../graph/replace.ts";
import { modelOf, slotNames } from "../graph/slots.ts";
import { type Context, note, report } from "../language/context.ts";
import { known } from "../language/size.ts";
import { volume } from "../language/tensor.ts";
import type { Linear } from "../language/trace.ts";
import type { Value } from "../language/value.ts";
import { tensorName } from "../model/declared-tensor.ts";
import type { Selected } from "../model/selector.ts";
import { blockOf, dtypeOf, layersOf, type ModelType } from "../model/value.ts";
import type { Float } from "../plan/dtype.ts";
import type { Ref } from "../plan/step.ts";
import type { Checking } from "./checking.ts";
import { decoder } from "./decode-steps.ts";
import { type Emitting, modelNamed } from "./steps.ts";
import type { TypedStage } from "./typed.ts";

/** What a layer is in the other models, by the names of the parameters that stand for them. */
export interface Others {
  /** The types that its matrices are stored in. */
  readonly types: (linear: Linear, layer: number | null) => ReadonlyMap<string, Float>;
  /** Where they are; codes are decoded. */
  readonly weights: (linear: Linear, layer: number | null) => ReadonlyMap<string, Ref>;
}

/** The other models of a stage, by its number, as they are when its steps are made. */
export function othersOf(at: Emitting, { name: of, applied }: TypedStage, number: number): Others {
  const others = [...namesIn(applied.arguments)].map(([parameter, name]) => {
    const model = modelNamed(at, name);
    return { parameter, model, decode: decoder(at, model, { stage: number, of }) };
  });
  return {
    types: ({ weight }, layer) =>
      new Map(others.map(({ parameter, model }) => [parameter, dtypeOf(model.type, tensorName(weight, layer))])),
    weights: ({ weight: own }, layer) =>
      new Map(
        others.flatMap(({ parameter, model, decode }) => {
          const part = layer === null ? model.type.outside : blockOf(model.type, layer);
          const weight = part?.weights.find(({ name }) => name === own);
          const ref = (weight && decode(weight, layer)) ?? model.at.get(tensorName(own, layer));
          return ref ? [[parameter, ref]] : [];
        }),
      ),
  };
}

/** What programs call the other models' weights. */
export const otherSlots = (
  weights: ReadonlyMap<string, Ref>,
  weight: string = slotNames.weight,
): readonly (readonly [slot: string, Ref])[] =>
  [...weights].map(([parameter, ref]) => [slotNames.ofModel(parameter, weight), ref] as const);

/** The matrix of a layer in another model as its block would read it, from how the block reads its own; null for another slot. */
export function otherMatrix(maker: Maker, own: Node, slot: string, types: ReadonlyMap<string, Float>): Node | null {
  const { model } = modelOf(slot) ?? {};
  const dtype = model && types.get(model);
  if (!dtype) return null;
  return replaceInputs(maker, own, ({ attrs: { name, type, role }, origin }) => {
    const attrs = { name: slotNames.ofModel(model, name), type: { ...type, dtype }, role };
    return maker.make("input", [], attrs, origin);
  });
}

/** Says where another model is the stage's own, has not the layers that it works on, or has them in another scale or basis. */
export function requireLayers(
  { context, models, stages }: Checking,
  stage: Ast.Stage,
  given: ReadonlyMap<string, Value>,
  type: ModelType | undefined,
  selected: readonly Selected[],
): void {
  const names = namesIn(given);
  for (const [parameter, name] of names) {
    const { span, name: own, of } = stage;
    if (name === of.text) note(context, { kind: "same-model", span, stage: own.text, of: name, parameter });
  }
  for (const name of new Set(names.values())) {
    const other = models.get(name);
    const lacking = type && other && lackingIn(other, type, selected);
    const at = { span: stage.method.span, other: name, of: stage.of.text };
    if (lacking) report(context, { kind: "other-layers", ...at, ...lacking });
    else requireBasis(context, stages, at);
  }
}

/** Says where one of two models that come from the same has weights in another scale or basis. */
function requireBasis(
  context: Context,
  stages: readonly TypedStage[],
  at: { readonly span: Span; readonly other: string; readonly of: string },
): void {
  const [here, there] = [at.of, at.other].map((name) => turnsBehind(stages, name)) as [Turns, Turns];
  if (here.from !== there.from) return;
  const apart = (a: Turns, b: Turns): TypedStage | undefined => a.turns.find((turn) => !b.turns.includes(turn));
  const [own, others] = [apart(here, there), apart(there, here)];
  const by = own ?? others;
  if (!by) return;
  const what = by.applied.method.on.text === "readers" ? "scales" : "bases";
  report(context, { kind: "other-basis", ...at, what, by: by.name, made: by.span, from: own ? by.of : null });
}

/** The given model that another comes from, and the stages on the way that move scales into weights, or rotate them. */
interface Turns {
  readonly from: string;
  readonly turns: readonly TypedStage[];
}

function turnsBehind(stages: readonly TypedStage[], name: string): Turns {
  const stage = stages.find((each) => each.name === name);
  if (!stage) return { from: name, turns: [] };
  const { from, turns } = turnsBehind(stages, stage.of);
  const { on, body } = stage.applied.method;
  const isTurn = on.text === "readers" || body.statements.some(({ kind }) => kind === "rotate");
  return { from, turns: isTurn ? [...turns, stage] : turns };
}

function lackingIn(
  other: ModelType,
  type: ModelType,
  selected: readonly Selected[],
): { readonly what: string; readonly there: string; readonly here: string } | null {
  const blocks = [other, type].map((each) => String(layersOf(each))) as [string, string];
  if (blocks[0] !== blocks[1]) return { what: "blocks", there: blocks[0], here: blocks[1] };
  for (const { linear, layer } of selected) {
    const part = layer === null ? other.outside : blockOf(other, layer);
    const all = [...(part?.tables ?? []), ...(part?.linears ?? [])];
    const found = all.find(({ name, weight }) => name === linear.name && weight === linear.weight);
    const [there, here] = [found ? showSizes(found) : "none", showSizes(linear)];
    if (there !== here) return { what: `\`${tensorName(linear.at, layer)}\``, there, here };
  }
  return null;
}

const showSizes = ({ to, from }: Linear): string => [to, from].map((dims) => known(volume(dims))).join(" x ");

/** The models that arguments stand for, by the names of their parameters. */
const namesIn = (given: ReadonlyMap<string, Value>): ReadonlyMap<string, string> =>
  new Map([...given].flatMap(([parameter, value]) => (value.kind === "model" ? [[parameter, value.name]] : [])));
