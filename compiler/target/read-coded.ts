/** Models whose weights are given as codes: which tensors of the files hold the fields of which weight, and in what format. */
import type { Span } from "../../grammar/source.ts";
import { type Context, note, report } from "../language/context.ts";
import type { Modules } from "../language/declare.ts";
import { known } from "../language/size.ts";
import { volume } from "../language/tensor.ts";
import { type Architecture, showFormat } from "../language/value.ts";
import { modelType } from "../model/arch.ts";
import { isQuantised } from "../model/check-checkpoint.ts";
import { fieldsFor, wholeOf, withCoded } from "../model/coded-type.ts";
import { type DeclaredTensor, sidesOf, tensorName } from "../model/declared-tensor.ts";
import type { CodedFacts, CodedField, ModelFacts, TensorFacts } from "../model/facts.ts";
import { type ModelType, partsOf } from "../model/value.ts";
import { withAdapter } from "./adapter.ts";
import type { Coding, Codings, Layer } from "./coding.ts";
import { quantisation } from "./json.ts";
import { ownFormats, ownMethod, ownTensor } from "./own-formats.ts";
import { fieldIn, plainForm } from "./stored-fields.ts";
import { targetsIn } from "./table.ts";
import { codingsOf } from "./target-codings.ts";

/** The headers of a model with its codes as the weights that they stand for; null, and a problem, for codes that cannot be read. */
export function withGivenCodes(
  context: Context,
  modules: Modules,
  arch: Architecture,
  facts: ModelFacts,
  span: Span,
): ModelFacts | null {
  const said = quantisation(facts);
  const by = String(said?.["quant_method"]);
  const target = [...targetsIn(modules).values()].find(({ table }) => table.config["quant_method"] === by);
  if (!said || (by !== ownMethod && !target)) return isQuantised(context, facts, span) ? null : facts;
  const plain = target
    ? codingsOf({ context, target, facts, layers: layersOf(typeOf(context, arch, facts)), span }, said)
    : ownCodings(context, modules, arch, facts);
  const codings = withAdapter(context, modules, facts, plain, span);
  const found = typeof codings === "string" ? codings : codesIn(context, facts, codings, span);
  if (found === null) return null;
  if (typeof found !== "string") {
    if (typeof codings !== "string" && codings.areActivations === true)
      note(context, { kind: "activations-unrounded", span, model: facts.name, by });
    return found;
  }
  report(context, {
    kind: "codes-unread",
    span,
    model: facts.name,
    by,
    because: found,
    isWhole: codings === found && by !== ownMethod,
  });
  return null;
}

/** The architecture with such headers; what is wrong with them is said when the model is bound with its codes. */
const typeOf = (context: Context, arch: Architecture, facts: ModelFacts): ModelType =>
  modelType({ ...context, found: [], notes: [] }, arch, facts);

/** All linear layers by the names of their weights, with the sizes that config.json gives them. */
const layersOf = (type: ModelType): ReadonlyMap<string, Layer> =>
  new Map(
    partsOf(type).flatMap(({ layer, linears }) =>
      linears.map(wholeOf).map(({ name: called, at, to, from, isInFirst, span }) => {
        const name = `${at}.weight`;
        const matrix = { name, called, dims: isInFirst ? [from, to] : [to, from], isInFirst, span };
        return [tensorName(name, layer), { matrix, layer }] as const;
      }),
    ),
  );

/** The headers with all codes found; a text says why they are not, null that it was said. */
function codesIn(
  context: Context,
  facts: ModelFacts,
  { weights, beside = [] }: Codings,
  span: Span,
): ModelFacts | string | null {
  const coded = new Map<string, CodedFacts>();
  for (const [tensor, coding] of weights) {
    const found = fieldsIn({ ...context, where: ` in ${tensor}` }, facts, tensor, coding, span);
    if (!found || typeof found === "string") return found;
    coded.set(tensor, found);
  }
  return withCodes(facts, weights, coded, beside);
}

/** Those of a folder that says itself how it is stored. */
function ownCodings(context: Context, modules: Modules, arch: Architecture, facts: ModelFacts): Codings | string {
  const formats = ownFormats(context, modules, facts);
  if (typeof formats === "string") return formats;
  const matrices = matricesOf(context, arch, facts, [...formats.keys()]);
  const weights = new Map<string, Coding>();
  for (const [weight, format] of formats) {
    const matrix = matrices.get(weight);
    if (!matrix) return `${weight} is no matrix of the model`;
    const fieldAt: Coding["fieldAt"] = (field) => ({ tensor: ownTensor(weight, field.name), form: plainForm(field) });
    weights.set(weight, { matrix, format, fieldAt });
  }
  return { weights };
}

/** The matrices of an architecture by their names, with the sizes that config.json gives them; `coded` are there as their fields. */
function matricesOf(
  context: Context,
  arch: Architecture,
  facts: ModelFacts,
  coded: readonly string[],
): ReadonlyMap<string, DeclaredTensor> {
  const tensors = new Map([...facts.tensors, ...coded.map((name) => [name, placeholder] as const)]);
  return new Map(
    partsOf(typeOf(context, arch, { ...facts, tensors })).flatMap(({ layer, weights }) =>
      weights.flatMap((weight) =>
        weight.dims.length === 2 ? [[tensorName(weight.name, layer), weight] as const] : [],
      ),
    ),
  );
}

const placeholder: TensorFacts = { dtype: "F32", shape: [], bytes: 0 };

/** The fields of a weight in the files; a text says why they are not, null that it was said. */
function fieldsIn(
  context: Context,
  { tensors }: ModelFacts,
  tensor: string,
  { matrix, format, must, fieldAt }: Coding,
  span: Span,
): CodedFacts | string | null {
  const wanted = fieldsFor(context, sidesOf(matrix), format, span);
  if (!wanted) return null;
  const fields: CodedField[] = [];
  for (const field of wanted) {
    const { tensor: name, form } = fieldAt(field);
    if (!form)
      return `the sizes of ${name} would not be whole: ${showFormat(format)} does not divide what config.json says`;
    const stored = tensors.get(name);
    if (!stored) return `there is no tensor ${name}`;
    const found = fieldIn(field, form, stored);
    if (!found) return `${name} is ${shown(stored)}, and must be ${shown(form)}`;
    const by = must?.get(field.name);
    fields.push({ ...found, tensor: name, ...(by && { must: by }) });
  }
  const isBeside = tensors.has(tensor) && !fields.some((field) => field.tensor === tensor);
  return isBeside ? `${tensor} is there beside its codes` : { format, fields };
}

const shown = ({ dtype, shape }: Pick<TensorFacts, "dtype" | "shape">): string => `${dtype} [${shape.join(", ")}]`;

/** The headers with weights in the place of the tensors that hold their codes. */
function withCodes(
  facts: ModelFacts,
  codings: Codings["weights"],
  coded: ReadonlyMap<string, CodedFacts>,
  beside: readonly string[],
): ModelFacts {
  const read = [...coded.values()].flatMap(({ fields }) => fields.map(({ tensor }) => tensor));
  const gone = new Set<string | undefined>([...read, ...beside]);
  const dtype = dtypeIn(facts);
  const weights = [...coded.keys()].map((tensor): readonly [string, TensorFacts] => {
    const dims = codings.get(tensor)?.matrix.dims ?? [];
    return [tensor, { dtype, shape: dims.map((group) => known(volume(group)) ?? 0), bytes: 0 }];
  });
  const others = [...facts.tensors].filter(([name]) => !gone.has(name));
  return withCoded({ ...facts, tensors: new Map([...others, ...weights]) }, coded);
}

/** The type of the numbers that codes stand for: that of the model, by its config.json. */
function dtypeIn({ config }: ModelFacts): string {
  const said = String(config["dtype"] ?? config["torch_dtype"] ?? "").replace(/^torch\./, "");
  return { float16: "F16", bfloat16: "BF16" }[said] ?? "F32";
}
