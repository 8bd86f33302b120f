/** Models that a recipe is given: which architecture describes each, and what is to be said of its files. */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { type Context, note, report } from "../language/context.ts";
import { type Num, ofSize, unknownWhole } from "../language/number.ts";
import { minus } from "../language/size.ts";
import { volume } from "../language/tensor.ts";
import type { ModelValue, Value } from "../language/value.ts";
import { modelType } from "../model/arch.ts";
import { familyOf, type ModelFacts, namesOf } from "../model/facts.ts";
import { checkForward } from "../model/forward.ts";
import type { ModelType } from "../model/value.ts";
import { isObject } from "../target/json.ts";
import { withGivenCodes } from "../target/read-coded.ts";
import type { Checking, RecipeInputs } from "./checking.ts";
import { logitsFor } from "./measure.ts";

/** The model of a parameter; without headers, or where they make none, one of which nothing is known. */
export function bindModel(
  at: Checking,
  recipe: Ast.Recipe,
  { name, span }: Pick<Ast.Parameter, "name" | "span">,
): Value {
  const { context, inputs } = at;
  const facts = inputs.models.get(name.text);
  at.named.set(name.text, name.span);
  if (!facts && inputs.isBound)
    report(context, { kind: "missing-parameter", span, of: recipe.name.text, name: name.text, type: "Model" });
  const type = facts ? typeOf(context, inputs, facts, span) : null;
  if (facts && type) at.given.push({ name: name.text, facts, type });
  const isKnown = type !== null && !type.isFaulty;
  if (isKnown) at.models.set(name.text, type);
  return {
    kind: "model",
    name: name.text,
    sizes: () => (isKnown ? sizesIn(type).entries() : unknownSizes(inputs)),
    apply: logitsFor(at),
  };
}

/** A model's type, by the architecture that describes it; null, and a problem, where none does. */
function typeOf(context: Context, { modules }: RecipeInputs, facts: ModelFacts, span: Span): ModelType | null {
  const { archs } = modules;
  const { architecture, type: family } = namesOf(facts);
  const fitting = archs.filter(({ declaration }) => describes(declaration, architecture, family));
  const beyond = variants.find(
    ({ field, isUsual }) => facts.config[field] !== undefined && !isUsual(facts.config[field]),
  );
  const found = fitting.findLast(({ declaration }) => !beyond || !isOfLibrary(declaration));
  if (!found) {
    const known = archs.flatMap(({ declaration }) => declaration.architectures.map(({ value }) => value));
    const name = architecture ?? family ?? "model without `architectures` in its config.json";
    const which = beyond && fitting.length > 0 ? `${name} ${beyond.what} (\`${beyond.field}\` in config.json)` : name;
    report(context, { kind: "unknown-architecture", span, model: facts.name, found: which, known });
    return null;
  }
  // What is wrong with an architecture is so for every model, also for one that is wrong.
  checkForward(context, modelType(context, found, null));
  const coded = withGivenCodes(context, modules, found, facts, span);
  if (!coded) return null;
  noteNames(context, found.declaration, facts, span);
  if (facts.config["auto_map"])
    note(context, { kind: "own-code", span, model: facts.name, arch: found.declaration.name.text });
  if (facts.hasAdapterBeside) note(context, { kind: "adapter-beside", span, model: facts.name });
  return modelType(context, found, coded);
}

/** What Transformers reads in the config of any architecture, and none of the library describes. */
const variants: readonly {
  readonly field: string;
  readonly what: string;
  readonly isUsual: (said: unknown) => boolean;
}[] = [
  { field: "is_causal", what: "that sees later tokens", isUsual: Boolean },
  { field: "per_layer_config", what: "of layers that differ", isUsual: isEmpty },
];

/** Whether config.json says nothing by it. */
function isEmpty(said: unknown): boolean {
  return said === null || (isObject(said) && Object.keys(said).length === 0);
}

const isOfLibrary = ({ name }: Ast.Arch): boolean => name.span.file.path.startsWith("std/");

/** The dimensions of the whole model, as `model.context` reads them, and how many blocks it has, as in `model.layer`. */
export const sizesIn = (type: ModelType): ReadonlyMap<string, Num> =>
  new Map([
    ...type.blocks.map(({ declaration, from, to }) => [declaration.name.text, ofSize(minus(to, from))] as const),
    ...[...type.outside.scope.dims].map(([dim, found]) => [dim, ofSize(volume(found))] as const),
  ]);

/** Says where `architectures` and `model_type` name different models of one `arch`, or only the first is there. */
function noteNames(context: Context, arch: Ast.Arch, facts: ModelFacts, span: Span): void {
  const { architecture, type } = namesOf(facts);
  if (architecture === undefined) return;
  const family = familyOf(architecture);
  if (lists(arch, family) && (type === undefined || (lists(arch, type) && family !== type)))
    note(context, { kind: "names-differ", span, model: facts.name, architecture, type: type ?? null, family });
}

/** While no model is given, it may have whatever an architecture declares. */
const unknownSizes = ({ archs }: RecipeInputs): ReturnType<ModelValue["sizes"]> =>
  archs().flatMap(({ members }) =>
    members.flatMap((member) =>
      member.kind === "dim" || member.kind === "blocks" ? [[member.name.text, unknownWhole] as const] : [],
    ),
  );

/**
 * Whether an architecture lists the model's architecture, or its type: then config.json may name another class of that family
 * (`LlamaModel`, `GPTNeoXModel`), or none.
 */
function describes(arch: Ast.Arch, architecture: string | undefined, type: string | undefined): boolean {
  const isFamily = architecture === undefined || familyOf(architecture) === type?.replaceAll("_", "");
  return lists(arch, architecture) || (isFamily && lists(arch, type));
}

const lists = ({ architectures }: Ast.Arch, name: string | undefined): boolean =>
  architectures.some(({ value }) => value === name);
