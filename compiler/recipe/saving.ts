/** What is saved of a model: the tensors of its files, and what its config.json says of them. */
import type { Span } from "../../grammar/source.ts";
import { slotNames } from "../graph/slots.ts";
import { invariant } from "../invariant.ts";
import { report } from "../language/context.ts";
import type { Modules } from "../language/declare.ts";
import type { Format } from "../language/value.ts";
import type { CodedFacts, ModelFacts } from "../model/facts.ts";
import { changedFields } from "../model/narrowed-config.ts";
import type { Model } from "../model/value.ts";
import type { Ref, SavedTensor, SaveRecord } from "../plan/step.ts";
import { ownConfig, ownMethod, ownTensor } from "../target/own-formats.ts";
import { plainForm } from "../target/stored-fields.ts";
import { isWritten, targetsIn } from "../target/table.ts";
import { decodedWeights } from "./decode-steps.ts";
import { blockFile, savedBlocks } from "./saved-blocks.ts";
import { type Emitting, modelNamed } from "./steps.ts";
import { type Laid, laidOut } from "./target-steps.ts";
import type { Saving } from "./typed.ts";

/** The formats that a model can be saved in: as numbers, with its codes as they are, in one file, or as other programs have them. */
export const savedFormats = (modules: Modules): readonly string[] => [
  "huggingface",
  ownMethod,
  blockFile,
  ...[...targetsIn(modules).values()].filter(isWritten).map(({ name }) => name),
];

/** Every tensor of the model in the order of the files of the one that it began as; codes as the format has them. */
export function saveRecord(at: Emitting, { of, format, span }: Saving, modules: Modules): SaveRecord {
  const model = modelNamed(at, of);
  const { origin, type, at: places } = model;
  const { weights, quantization } = savedCodes(at, model, format, modules, span);
  const tensors = [...(type.facts?.tensors ?? [])].flatMap(([name, { dtype, shape }]): readonly SavedTensor[] => {
    const own = weights.get(name);
    if (own) return own;
    const from = places.get(name);
    invariant(from !== undefined || at.context.found.length > 0, `nothing gives ${name}, which is saved`);
    return from ? [{ name, dtype, shape, from }] : [];
  });
  const config = changedFields(modelNamed(at, origin).type, type);
  return { format, of, origin, config, quantization, tensors };
}

/** The tensors of each weight that is coded, and what config.json says of them. */
function savedCodes(at: Emitting, model: Model, format: string, modules: Modules, span: Span): Laid {
  const target = targetsIn(modules).get(format);
  const coded = codedIn(model.type.facts);
  if (target && coded.size > 0) {
    const laid = laidOut(at, model, target, modules, span);
    return { ...laid, weights: new Map([...laid.weights, ...asNumbers(at, model, laid.weights)]) };
  }
  if (target) {
    const hint = `a stage whose method ends in codes makes them; "huggingface" holds numbers`;
    report(at.context, { kind: "target-refuses", span, target: format, what: "a model without codes", hint });
  }
  if (format === blockFile) {
    const weights = [...coded].map(
      ([name, codes]) => [name, savedBlocks(at, model, name, codes, modules, span)] as const,
    );
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
