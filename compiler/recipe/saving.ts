/** What is saved of a model: the tensors of its files, and what its config.json says of them. */
import { slotNames } from "../graph/slots.ts";
import { invariant } from "../invariant.ts";
import { report } from "../language/context.ts";
import type { Modules } from "../language/declare.ts";
import type { Format } from "../language/value.ts";
import type { CodedFacts, ModelFacts } from "../model/facts.ts";
import { changedFields } from "../model/narrowed-config.ts";
import type { Model } from "../model/value.ts";
import type { Ref, SavedTensor, SaveRecord } from "../plan/step.ts";
import { blockFile } from "../target/blocks.ts";
import type { Refusal } from "../target/layouts.ts";
import { ownConfig, ownMethod, ownTensor } from "../target/own-formats.ts";
import { plainForm } from "../target/stored-fields.ts";
import { targetsIn } from "../target/table.ts";
import { decodedWeights } from "./decode-steps.ts";
import { savedBlocks, unheldInBlocks } from "./saved-blocks.ts";
import { type Emitting, modelNamed } from "./steps.ts";
import { type Laid, laidOut, type Stored, unheld } from "./target-steps.ts";
import type { Saving } from "./typed.ts";

/** Every tensor of the model in the order of the files of the one that it began as; codes as the format has them. */
export function saveRecord(at: Emitting, saving: Saving, modules: Modules): SaveRecord {
  const { name: of, format } = saving;
  const model = { ...modelNamed(at, saving.of), name: of };
  const { origin, type, at: places } = model;
  const { weights, ...others } = savedCodes(at, model, saving, modules);
  const tensors = [...(type.facts?.tensors ?? [])].flatMap(([name, { dtype, shape }]): readonly SavedTensor[] => {
    const own = weights.get(name);
    if (own) return own;
    const from = places.get(name);
    invariant(from !== undefined || at.context.found.length > 0, `nothing gives ${name}, which is saved`);
    return from ? [{ name, dtype, shape, from }] : [];
  });
  const fields = changedFields(modelNamed(at, origin).type, type);
  return { format, of, origin, ...fields, ...others, tensors };
}

/** Why a model cannot be saved in a format, stored as it is; null if it can. */
export function refusalOf(at: Emitting, model: Stored, { format, span }: Saving, modules: Modules): Refusal | null {
  const target = targetsIn(modules).get(format);
  const coded = codedIn(model.type.facts);
  if (target) return unheld(at, model, target, modules, span);
  return format === blockFile ? unheldInBlocks(at.context, coded, modules, span) : null;
}

/** The tensors of each weight that is coded, and what config.json says of them; none, and a problem, where the format does not hold them. */
function savedCodes(at: Emitting, model: Model, saving: Saving, modules: Modules): Laid {
  const { format, span } = saving;
  const refusal = refusalOf(at, model, saving, modules);
  if (refusal) {
    report(at.context, { kind: "target-refuses", span, target: format, ...refusal });
    return { weights: new Map(), quantization: null };
  }
  const target = targetsIn(modules).get(format);
  const coded = codedIn(model.type.facts);
  if (target) {
    const laid = laidOut(at, model, target, modules, span);
    return { ...laid, weights: new Map([...laid.weights, ...asNumbers(at, model, laid.weights)]) };
  }
  if (format === blockFile) {
    const weights = [...coded].map(([name, codes]) => [name, savedBlocks(model, name, codes)] as const);
    return { weights: new Map(weights), quantization: null };
  }
  if (format !== ownMethod) return { weights: asNumbers(at, model), quantization: null };
  const formats = new Map([...coded].map(([name, { format }]): [string, Format] => [name, format]));
  const weights = new Map([...coded].map(([name, codes]) => [name, savedFields(model, name, codes)]));
  return { weights, quantization: formats.size > 0 ? JSON.stringify(ownConfig(modules, formats)) : null };
}

const codedIn = (facts: ModelFacts | null): ReadonlyMap<string, CodedFacts> =>
  new Map([...(facts?.tensors ?? [])].flatMap(([name, { coded }]) => (coded ? [[name, coded] as const] : [])));

/** Codes, but for some, as the numbers that they stand for. */
const asNumbers = (at: Emitting, model: Model, but?: Laid["weights"]): Laid["weights"] =>
  new Map(
    [...decodedWeights(at, model, { stage: null, of: model.name, purpose: "save" }, but)].map(
      ([name, from]: readonly [string, Ref]) => {
        const { dtype = "", shape = [] } = model.type.facts?.tensors.get(name) ?? {};
        return [name, [{ name, dtype, shape, from }]];
      },
    ),
  );

/** The fields of a weight as they are. */
const savedFields = ({ at }: Model, weight: string, { fields }: CodedFacts): readonly SavedTensor[] =>
  fields.flatMap((field) => {
    const from = at.get(slotNames.field(weight, field.name));
    return from ? [{ name: ownTensor(weight, field.name), ...plainForm(field), from }] : [];
  });
