/** Models whose weights are given as codes: which tensors of the files hold the fields of which weight, and in what format. */
import type * as Ast from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { type Context, report } from "../language/context.ts";
import type { Modules } from "../language/declare.ts";
import { known } from "../language/size.ts";
import { volume } from "../language/tensor.ts";
import type { Linear } from "../language/trace.ts";
import type { Format, Scope } from "../language/value.ts";
import { modelType } from "../model/arch.ts";
import { isQuantised } from "../model/check-checkpoint.ts";
import { fieldsFor, withCoded } from "../model/coded-type.ts";
import { tensorName } from "../model/declared-tensor.ts";
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
  const layers = layersOf(context, declared, facts);
  const other = [...formats.keys()].find((tensor) => !layers.has(tensor));
  if (other !== undefined) return refuse(`${other} is no weight of a linear layer`);
  const coded = new Map<string, CodedFacts>();
  for (const [tensor, format] of formats) {
    const linear = layers.get(tensor);
    if (facts.tensors.has(tensor)) return refuse(`${tensor} is there beside its codes`);
    const found = linear && codesIn({ ...context, where: ` in ${tensor}` }, facts, { tensor, linear, format }, span);
    if (!found) return null;
    if (typeof found === "string") return refuse(found);
    coded.set(tensor, found);
  }
  return withCodes(facts, layers, coded);
}

/** All linear layers by the names of their weights, with the sizes that config.json gives them. */
function layersOf(context: Context, { arch, scope }: Declared, facts: ModelFacts): ReadonlyMap<string, Linear> {
  // What is wrong with the model is said when it is bound with its codes.
  const type = modelType({ ...context, found: [], notes: [] }, arch, scope, facts);
  return new Map(
    partsOf(type).flatMap(({ layer, linears }) =>
      linears.map((linear) => [tensorName(`${linear.at}.weight`, layer), linear] as const),
    ),
  );
}

interface Coding {
  readonly tensor: string;
  readonly linear: Linear;
  readonly format: Format;
}

/** The fields of a weight in the files; a text says why they are not, null that it was said. */
function codesIn(
  context: Context,
  { tensors }: ModelFacts,
  { tensor, linear, format }: Coding,
  span: Span,
): CodedFacts | string | null {
  const wanted = fieldsFor(context, linear, format, span);
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
  layers: ReadonlyMap<string, Linear>,
  coded: ReadonlyMap<string, CodedFacts>,
): ModelFacts {
  const read = new Set([...coded.values()].flatMap(({ fields }) => fields.map(({ tensor }) => tensor)));
  const dtype = typeOf(facts);
  const weights = [...coded.keys()].map((tensor): readonly [string, TensorFacts] => {
    const { to = [], from = [], isInFirst = false } = layers.get(tensor) ?? {};
    const dims = isInFirst ? [from, to] : [to, from];
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
