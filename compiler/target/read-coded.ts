/** Models whose weights are given as codes: which tensors of the files hold the fields of which weight, and in what format. */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { type Context, report } from "../language/context.ts";
import type { Modules } from "../language/declare.ts";
import { known } from "../language/size.ts";
import { volume } from "../language/tensor.ts";
import type { Format, Scope } from "../language/value.ts";
import { modelType } from "../model/arch.ts";
import { isQuantised } from "../model/check-checkpoint.ts";
import { fieldsFor, withCoded } from "../model/coded-type.ts";
import { type DeclaredTensor, sidesOf, tensorName } from "../model/declared-tensor.ts";
import type { CodedFacts, CodedField, ModelFacts, TensorFacts } from "../model/facts.ts";
import { partsOf } from "../model/value.ts";
import { quantisation } from "./json.ts";
import { ownFormats, ownMethod, ownTensor } from "./own-formats.ts";
import { fieldIn, plainForm } from "./stored-fields.ts";

/** An architecture with the scope that it is declared in. */
interface Declared {
  readonly arch: Ast.Arch;
  readonly scope: Scope;
}

/** The headers of a model with its codes as the weights that they stand for; null, and a problem, for codes that cannot be read. */
export function withGivenCodes(
  context: Context,
  modules: Modules,
  declared: Declared,
  facts: ModelFacts,
  span: Span,
): ModelFacts | null {
  if (quantisation(facts)?.["quant_method"] !== ownMethod) return isQuantised(context, facts, span) ? null : facts;
  const refuse = (because: string): null => {
    report(context, { kind: "codes-unread", span, model: facts.name, by: ownMethod, because });
    return null;
  };
  const formats = ownFormats(context, modules, facts);
  if (typeof formats === "string") return refuse(formats);
  const matrices = matricesOf(context, declared, facts, [...formats.keys()]);
  const other = [...formats.keys()].find((tensor) => !matrices.has(tensor));
  if (other !== undefined) return refuse(`${other} is no matrix of the model`);
  const coded = new Map<string, CodedFacts>();
  for (const [tensor, format] of formats) {
    const matrix = matrices.get(tensor);
    if (facts.tensors.has(tensor)) return refuse(`${tensor} is there beside its codes`);
    const found = matrix && codesIn({ ...context, where: ` in ${tensor}` }, facts, { tensor, matrix, format }, span);
    if (!found) return null;
    if (typeof found === "string") return refuse(found);
    coded.set(tensor, found);
  }
  return withCodes(facts, matrices, coded);
}

/** The matrices of an architecture by their names, with the sizes that config.json gives them; `coded` are there as their fields. */
function matricesOf(
  context: Context,
  { arch, scope }: Declared,
  facts: ModelFacts,
  coded: readonly string[],
): ReadonlyMap<string, DeclaredTensor> {
  const tensors = new Map([...facts.tensors, ...coded.map((name) => [name, placeholder] as const)]);
  // What is wrong with the model is said when it is bound with its codes.
  const type = modelType({ ...context, found: [], notes: [] }, arch, scope, { ...facts, tensors });
  return new Map(
    partsOf(type).flatMap(({ layer, weights }) =>
      weights.flatMap((weight) =>
        weight.dims.length === 2 ? [[tensorName(weight.name, layer), weight] as const] : [],
      ),
    ),
  );
}

const placeholder: TensorFacts = { dtype: "F32", shape: [], bytes: 0 };

interface Coding {
  readonly tensor: string;
  readonly matrix: DeclaredTensor;
  readonly format: Format;
}

/** The fields of a weight in the files; a text says why they are not, null that it was said. */
function codesIn(
  context: Context,
  { tensors }: ModelFacts,
  { tensor, matrix, format }: Coding,
  span: Span,
): CodedFacts | string | null {
  const wanted = fieldsFor(context, sidesOf(matrix), format, span);
  if (!wanted) return null;
  const fields: CodedField[] = [];
  for (const field of wanted) {
    const [name, form] = [ownTensor(tensor, field.name), plainForm(field)];
    const stored = tensors.get(name);
    if (!stored) return `there is no tensor ${name}`;
    const found = fieldIn(field, form, stored);
    if (!found) return `${name} is ${shown(stored)}, and must be ${shown(form)}`;
    fields.push({ ...found, tensor: name });
  }
  return { format, fields };
}

const shown = ({ dtype, shape }: Pick<TensorFacts, "dtype" | "shape">): string => `${dtype} [${shape.join(", ")}]`;

/** The headers with weights in the place of the tensors that hold their codes. */
function withCodes(
  facts: ModelFacts,
  matrices: ReadonlyMap<string, DeclaredTensor>,
  coded: ReadonlyMap<string, CodedFacts>,
): ModelFacts {
  const read = new Set([...coded.values()].flatMap(({ fields }) => fields.map(({ tensor }) => tensor)));
  const dtype = typeOf(facts);
  const weights = [...coded.keys()].map((tensor): readonly [string, TensorFacts] => {
    const dims = matrices.get(tensor)?.dims ?? [];
    return [tensor, { dtype, shape: dims.map((group) => known(volume(group)) ?? 0), bytes: 0 }];
  });
  const others = [...facts.tensors].filter(([name]) => !read.has(name));
  return withCoded({ ...facts, tensors: new Map([...others, ...weights]) }, coded);
}

/** The type of the numbers that codes stand for: that of the model, by its config.json. */
function typeOf({ config }: ModelFacts): string {
  const said = String(config["dtype"] ?? config["torch_dtype"] ?? "").replace(/^torch\./, "");
  return { float16: "F16", bfloat16: "BF16" }[said] ?? "F32";
}
