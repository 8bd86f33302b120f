/** Codes that are saved in one file, block by block, as formats of the library that lie so have them. */
import type { Span } from "../../grammar/source.ts";
import { slotNames } from "../graph/slots.ts";
import type { Context } from "../language/context.ts";
import type { Modules } from "../language/declare.ts";
import { known } from "../language/size.ts";
import { type Format, showFormat } from "../language/value.ts";
import type { CodedFacts } from "../model/facts.ts";
import type { Model } from "../model/value.ts";
import type { SavedTensor } from "../plan/step.ts";
import { libraryFormat, placesOf } from "../target/blocks.ts";
import type { Refusal } from "../target/layouts.ts";
import { ownTensor } from "../target/own-formats.ts";
import { plainForm } from "../target/stored-fields.ts";

/** Why such a file does not hold these weights; null if it does. */
export function unheldInBlocks(
  context: Context,
  coded: ReadonlyMap<string, CodedFacts>,
  modules: Modules,
  span: Span,
): Refusal | null {
  const [odd] = [...coded].filter(([, { format }]) => !isHeld(context, modules, format, span));
  const hint = `it holds ${heldNames(modules).join(", ")}; "lcomp" holds every format`;
  return odd ? { what: `${showFormat(odd[1].format)} (${odd[0]})`, hint } : null;
}

/** The fields of a weight, each with its place in a block. */
export function savedBlocks({ at }: Model, weight: string, { format, fields }: CodedFacts): readonly SavedTensor[] {
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

/** Imports the formats that such a file holds. */
const blockModule = "std/target/gguf";

const heldNames = ({ scopes }: Modules): readonly string[] => [...(scopes.get(blockModule)?.values.keys() ?? [])];

/** Whether it is one of the library's, and no other of the same name. */
const isHeld = (context: Context, modules: Modules, { declaration }: Format, span: Span): boolean =>
  heldNames(modules).includes(declaration.name.text) &&
  libraryFormat(context, modules, blockModule, declaration.name.text, span).declaration === declaration;

/** Rows and columns: codes lie along the inputs, whichever way round a matrix of numbers is stored. */
function shapeOf({ declaration }: Format, fields: CodedFacts["fields"]): readonly number[] {
  const sizes = new Map(fields.flatMap(({ dims }) => dims.map(({ name, size }) => [name, known(size) ?? 0] as const)));
  return namedIn(declaration.of).map(({ name, parts }) =>
    (parts ?? [{ name }]).reduce((size, part) => size * (sizes.get(part.name.text) ?? 0), 1),
  );
}

const namedIn = ({ dims }: Format["declaration"]["of"]) => dims.flatMap((dim) => (dim.kind === "rest" ? [] : [dim]));
