/** Codes that are saved in one file, block by block, as formats of the library that lie so have them. */
import type { Span } from "../../grammar/source.ts";
import { slotNames } from "../graph/slots.ts";
import { report } from "../language/context.ts";
import type { Modules } from "../language/declare.ts";
import { known } from "../language/size.ts";
import { type Format, showFormat } from "../language/value.ts";
import type { CodedFacts } from "../model/facts.ts";
import type { Model } from "../model/value.ts";
import type { SavedTensor } from "../plan/step.ts";
import { placesOf } from "../target/blocks.ts";
import { ownTensor } from "../target/own-formats.ts";
import { plainForm } from "../target/stored-fields.ts";
import type { Emitting } from "./steps.ts";

/** What `save as` calls such a file. */
export const blockFile = "gguf";

/** The fields of a weight, each with its place in a block; none, and a problem, of a format that the file does not hold. */
export function savedBlocks(
  { context }: Pick<Emitting, "context">,
  { at }: Model,
  weight: string,
  { format, fields }: CodedFacts,
  modules: Modules,
  span: Span,
): readonly SavedTensor[] {
  if (!isOfBlocks(modules, format)) {
    const what = `${showFormat(format)} (${weight})`;
    const hint =
      'it holds the formats of `std/quantize/ggml`, `std/quantize/k_quants` and `std/quantize/iq4`, with their methods; "lcomp" holds every format';
    report(context, { kind: "target-refuses", span, target: blockFile, what, hint });
    return [];
  }
  const places = placesOf(format, fields);
  const shape = shapeOf(format, fields);
  return fields.flatMap((field, i) => {
    const from = at.get(slotNames.field(weight, field.name));
    const place = places[i];
    if (!from || !place) return [];
    const blocks = { of: weight, format: format.declaration.name.text, shape, ...place };
    return [{ name: ownTensor(weight, field.name), ...plainForm(field), from, blocks }];
  });
}

/** Whether it is a format without parameters of the library, whose fields lie block by block. */
function isOfBlocks({ all }: Modules, { declaration }: Format): boolean {
  const module = all.find(({ tree }) => tree.declarations.includes(declaration));
  return (
    declaration.by !== undefined && declaration.parameters.length === 0 && module?.name.startsWith("std/") === true
  );
}

/** Rows and columns: codes lie along the inputs, whichever way round a matrix of numbers is stored. */
function shapeOf({ declaration }: Format, fields: CodedFacts["fields"]): readonly number[] {
  const sizes = new Map(fields.flatMap(({ dims }) => dims.map(({ name, size }) => [name, known(size) ?? 0] as const)));
  return namedIn(declaration.of).map(({ name, parts }) =>
    (parts ?? [{ name }]).reduce((size, part) => size * (sizes.get(part.name.text) ?? 0), 1),
  );
}

const namedIn = ({ dims }: Format["declaration"]["of"]) => dims.flatMap((dim) => (dim.kind === "rest" ? [] : [dim]));
