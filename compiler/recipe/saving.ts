/** What is saved of a model: the tensors of its files, and what its config.json says of them. */
import { slotNames } from "../graph/slots.ts";
import { invariant } from "../invariant.ts";
import type { Modules } from "../language/declare.ts";
import type { Format } from "../language/value.ts";
import type { CodedFacts } from "../model/facts.ts";
import { changedFields } from "../model/narrowed-config.ts";
import type { Model } from "../model/value.ts";
import type { Ref, SavedTensor, SaveRecord } from "../plan/step.ts";
import { ownConfig, ownMethod, ownTensor } from "../target/own-formats.ts";
import { plainForm } from "../target/stored-fields.ts";
import { decodedWeights } from "./decode-steps.ts";
import { type Emitting, modelNamed } from "./steps.ts";
import type { Saving } from "./typed.ts";

/** The formats that a model can be saved in: as numbers, or with its codes as they are. */
export const savedFormats: readonly string[] = ["huggingface", ownMethod];

/** Every tensor of the model in the order of the files of the one that it began as; codes as the format has them. */
export function saveRecord(at: Emitting, { of, format }: Saving, modules: Modules): SaveRecord {
  const model = modelNamed(at, of);
  const { origin, type, at: places } = model;
  const decoded = format === ownMethod ? new Map<string, Ref>() : decodedWeights(at, model);
  const formats = new Map<string, Format>();
  const tensors = [...(type.facts?.tensors ?? [])].flatMap(
    ([name, { dtype, shape, coded }]): readonly SavedTensor[] => {
      if (coded && format === ownMethod) {
        formats.set(name, coded.format);
        return savedFields(model, name, coded);
      }
      const from = decoded.get(name) ?? places.get(name);
      invariant(from !== undefined || at.context.found.length > 0, `nothing gives ${name}, which is saved`);
      return from ? [{ name, dtype, shape, from }] : [];
    },
  );
  const config = changedFields(modelNamed(at, origin).type, type);
  const quantization = formats.size > 0 ? JSON.stringify(ownConfig(modules, formats)) : null;
  return { format, of, origin, config, quantization, tensors };
}

/** The fields of a weight as they are. */
const savedFields = ({ at }: Model, weight: string, { fields }: CodedFacts): readonly SavedTensor[] =>
  fields.flatMap((field) => {
    const from = at.get(slotNames.field(weight, field.name));
    return from ? [{ name: ownTensor(weight, field.name), ...plainForm(field), from }] : [];
  });
