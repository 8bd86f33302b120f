/** Models beside the one that a stage works on: a parameter of its method stands for one, which shows the same layer's matrix. */
import type * as Ast from "../../grammar/ast.ts";
import type { Maker } from "../graph/make.ts";
import type { Node } from "../graph/ops.ts";
import { replaceInputs } from "../graph/replace.ts";
import { modelOf, slotNames } from "../graph/slots.ts";
import { type Context, report } from "../language/context.ts";
import { known } from "../language/size.ts";
import { volume } from "../language/tensor.ts";
import type { Linear } from "../language/trace.ts";
import type { Value } from "../language/value.ts";
import { tensorName } from "../model/declared-tensor.ts";
import type { Selected } from "../model/selector.ts";
import { blockOf, dtypeOf, layersOf, type ModelType } from "../model/value.ts";
import type { Float } from "../plan/dtype.ts";
import type { Ref, StepPart } from "../plan/step.ts";
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
export const othersOf = (at: Emitting, { name: of, applied }: TypedStage, number: number): Others =>
  othersNamed(at, namesIn(applied.arguments), { stage: number, of });

/** The models of those names, by what stands for them. */
export function othersNamed(
  at: Emitting,
  names: ReadonlyMap<string, string>,
  part: Pick<StepPart, "stage" | "of">,
): Others {
  const others = [...names].map(([parameter, name]) => {
    const model = modelNamed(at, name);
    return { parameter, model, decode: decoder(at, model, part) };
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

/** Says where another model has not the layers that a stage works on. */
export function requireLayers(
  context: Context,
  models: ReadonlyMap<string, ModelType>,
  stage: Ast.Stage,
  given: ReadonlyMap<string, Value>,
  type: ModelType,
  selected: readonly Selected[],
): void {
  for (const name of new Set(namesIn(given).values())) {
    const other = models.get(name);
    const lacking = other && lackingIn(other, type, selected);
    if (lacking)
      report(context, { kind: "other-layers", span: stage.method.span, other: name, of: stage.of.text, ...lacking });
  }
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
