/** What a model is after a stage that stores weights as a format says. */
import type { Span } from "../../grammar/source.ts";
import { type Context, report } from "../language/context.ts";
import { operand } from "../language/evaluate.ts";
import { fieldsOf, type StoredField } from "../language/fields.ts";
import { identityOf } from "../language/identity.ts";
import { scopeIn } from "../language/scope.ts";
import { known } from "../language/size.ts";
import { type Dimension, volume } from "../language/tensor.ts";
import type { Linear } from "../language/trace.ts";
import type { Format } from "../language/value.ts";
import { bitsOf } from "../plan/dtype.ts";
import { floatWidth, isFloatDType } from "../plan/stored-types.ts";
import { modelType } from "./arch.ts";
import { tensorName } from "./declared-tensor.ts";
import type { CodedFacts, ModelFacts, TensorFacts } from "./facts.ts";
import type { Selected } from "./selector.ts";
import type { ModelType } from "./value.ts";

/** The model with the weights of some layers in a format each, if they have one; null if one does not hold them, which is said. */
export function codedType(
  context: Context,
  { arch, facts }: ModelType,
  selected: readonly Selected[],
  formatFor: (context: Context, linear: Linear) => Format | null,
  span: Span,
): ModelType | null {
  if (!facts) return null;
  const coded = new Map<string, CodedFacts>();
  for (const { linear, layer } of selected) {
    const tensor = tensorName(linear.weight, layer);
    const inside: Context = { ...context, where: ` in ${tensor}` };
    const format = formatFor(inside, linear);
    if (!format) continue;
    const fields = fieldsFor(inside, wholeOf(linear), format, span);
    if (!fields) return null;
    const beside = selected.filter((each) => each.layer === layer && each.linear.at === linear.at);
    const count = beside.filter((each) => each.linear === linear || formatFor(inside, each.linear)).length;
    const apart = linear.among && apartIn(linear.among.names, count, { format, fields }, coded.get(tensor));
    if (apart) {
      const what = `a format for \`${linear.name}\` ${apart.because},`;
      report(inside, { kind: "not-supported", span, what, hint: apart.hint });
      return null;
    }
    coded.set(tensor, { format, fields });
  }
  return modelType(context, arch, withCoded(facts, coded));
}

/** A layer with all the rows of the tensor that its matrix lies in, be they those of several layers. */
export const wholeOf = (linear: Linear): Linear =>
  linear.among ? { ...linear, name: linear.among.names.join(", "), to: [linear.among.rows] } : linear;

/** What a format stores of a matrix; null, and a problem, if it does not hold it. */
export const fieldsFor = (
  context: Context,
  { to, from }: Pick<Linear, "to" | "from">,
  format: Format,
  span: Span,
): readonly StoredField[] | null =>
  fieldsOf({ context, scope: scopeIn(null), span }, format, [weightDim("out", to), weightDim("in", from)], operand);

/** Why layers that lie in one tensor are not coded together; null if they are. */
function apartIn(
  names: readonly string[],
  count: number,
  { format, fields }: CodedFacts,
  before: CodedFacts | undefined,
): { readonly because: string; readonly hint: string } | null {
  const all = names.join(", ");
  if (count < names.length)
    return { because: `alone, where ${all} lie in one tensor`, hint: "select all of them, or none" };
  const one = fields.find(({ dims }) => !dims.some(({ name }) => name === "out"));
  const hint = `leave them out with \`except ${all}\``;
  if (one) return { because: `of which \`${one.name}\` is one for all rows, where ${all} lie in one tensor`, hint };
  if (before && identityOf(before.format) !== identityOf(format))
    return {
      because: `that is another one than those of ${all}, which lie in one tensor`,
      hint: "choose one for all of them",
    };
  return null;
}

/** The model with the weights of some layers, or all, as numbers, in the types that they had; null if none of them are codes. */
export function decodedType(
  context: Context,
  { arch, facts }: ModelType,
  selected: readonly Selected[] | null,
): ModelType | null {
  const names = selected && new Set(selected.map(({ linear, layer }) => tensorName(linear.weight, layer)));
  const isChosen = (name: string): boolean => names?.has(name) ?? true;
  if (!facts || ![...facts.tensors].some(([name, { coded }]) => coded && isChosen(name))) return null;
  const tensors = new Map([...facts.tensors].map(([name, each]) => [name, isChosen(name) ? asNumbers(each) : each]));
  return modelType(context, arch, { ...facts, tensors });
}

function asNumbers({ coded, ...stored }: TensorFacts): TensorFacts {
  if (!coded || !isFloatDType(stored.dtype)) return stored;
  return { ...stored, bytes: floatWidth(stored.dtype) * stored.shape.reduce((n, size) => n * size, 1) };
}

const weightDim = (name: string, dims: readonly Dimension[]): Dimension => ({
  id: name,
  name,
  size: volume(dims),
  source: "the layer",
});

/** The headers of a model with weights that are stored so. */
export const withCoded = (facts: ModelFacts, coded: ReadonlyMap<string, CodedFacts>): ModelFacts => ({
  ...facts,
  tensors: new Map(
    [...facts.tensors].map(([name, stored]) => {
      const own = coded.get(name);
      return [
        name,
        own ? { ...stored, bytes: own.fields.reduce((sum, each) => sum + bytesOf(each), 0), coded: own } : stored,
      ];
    }),
  ),
});

/** The bytes of a field's elements. */
export const bytesOf = ({ dtype, dims }: Pick<StoredField, "dtype" | "dims">): number =>
  Math.ceil(((known(volume(dims)) ?? 0) * bitsOf(dtype)) / 8);
