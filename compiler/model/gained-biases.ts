/** What becomes of a model of which linear layers get biases that it has not: its config.json says so, and its headers have them. */
import type * as Ast from "../../grammar/ast.ts";
import { type Span, textAt } from "../../grammar/source.ts";
import { type Context, report } from "../language/context.ts";
import { known } from "../language/size.ts";
import { volume } from "../language/tensor.ts";
import type { Linear } from "../language/trace.ts";
import { bitsOf } from "../plan/dtype.ts";
import { weightType } from "../plan/stored-types.ts";
import { tensorName } from "./declared-tensor.ts";
import type { ModelFacts, TensorFacts } from "./facts.ts";
import { fieldsRead, typeOf } from "./narrowed-config.ts";
import type { Selected } from "./selector.ts";
import { blockOf, type ModelType, partsOf } from "./value.ts";

/**
 * The model in which these layers have biases, each a tensor behind that of its matrix, in the same type. What a field of config.json
 * says, it says of all layers that read it: others get biases too. Null where no field says so, which is said with the way out that a
 * layer of that name has.
 */
export function withBiases(
  context: Context,
  type: ModelType,
  layers: readonly Selected[],
  span: Span,
  wayOut = (name: string, could: string): string => `${could}; leave the others out with \`except ${name}\``,
): ModelType | null {
  const lacking = layers.filter((each) => !hasBias(type, each));
  const { facts } = type;
  if (lacking.length === 0 || !facts) return type;
  const declared = declarationsIn(type.arch.declaration.members);
  let { config } = facts;
  for (const [name, one] of Map.groupBy(lacking, ({ linear }) => linear.name)) {
    const layer = declared.get(name);
    const found = layer?.bias
      ? configSaying(context, { ...type, facts: { ...facts, config } }, one, layer.bias)
      : layer && config;
    if (!found) report(context, unsayable(context, type, name, span, wayOut));
    if (!found) return null;
    config = found;
  }
  return biased(context, type, { ...facts, config }, layers);
}

/** Whether a layer has a bias; one that is stored, and that config.json says is not there, is none. */
function hasBias(type: ModelType, { linear, layer }: Selected): boolean {
  const part = layer === null ? type.outside : blockOf(type, layer);
  return part?.weights.some(({ name }) => name === `${linear.at}.bias`) ?? false;
}

/** The config in which a condition holds of layers; null if none is found: one field that it reads becomes true. */
function configSaying(
  context: Context,
  type: ModelType & { readonly facts: ModelFacts },
  layers: readonly Selected[],
  asked: Ast.Expression,
): ModelFacts["config"] | null {
  const { config } = type.facts;
  const isFlag = (field: string): boolean => typeof (config[field] ?? false) === "boolean";
  const configs = [...fieldsRead(type.arch.declaration, asked)]
    .filter(isFlag)
    .map((field) => ({ ...config, [field]: true }));
  const says = (each: ModelFacts["config"]): boolean => {
    const made = biased(context, type, { ...type.facts, config: each }, []);
    return !made.isFaulty && layers.every((layer) => hasBias(made, layer));
  };
  return [config, ...configs].find(says) ?? null;
}

/** The model with this config, and with headers of the biases that it asks for, or that these layers get. */
function biased(context: Context, type: ModelType, facts: ModelFacts, layers: readonly Selected[]): ModelType {
  const asking = typeOf(context, type, facts);
  const asked = partsOf(asking).flatMap(({ layer, linears, weights }) =>
    linears.flatMap((linear) => (weights.some(({ name }) => name === `${linear.at}.bias`) ? [{ linear, layer }] : [])),
  );
  const gaining = [...asked, ...layers].filter((each) => !hasBias(type, each));
  const biases = new Map(gaining.map(({ linear, layer }) => [tensorName(linear.at, layer), linear]));
  const tensors = [...facts.tensors].flatMap(([name, stored]): [string, TensorFacts][] => {
    const [, path = "", kind] = /^(.*)\.(weight|bias)$/.exec(name) ?? [];
    const linear = biases.get(path);
    if (!linear) return [[name, stored]];
    return kind === "weight"
      ? [
          [name, stored],
          [`${path}.bias`, biasOf(linear, stored)],
        ]
      : [];
  });
  return typeOf(context, type, { ...facts, tensors: new Map(tensors) });
}

function biasOf({ to, among }: Linear, { dtype }: TensorFacts): TensorFacts {
  const size = known(volume(among ? [among.rows] : to)) ?? 0;
  return { dtype, shape: [size], bytes: (size * bitsOf(weightType(dtype) ?? "f32")) / 8 };
}

function unsayable(
  context: Context,
  type: ModelType,
  name: string,
  span: Span,
  wayOut: (name: string, could: string) => string,
) {
  const declared = declarationsIn(type.arch.declaration.members);
  const asked = declared.get(name)?.bias;
  const { facts } = type;
  const others = partsOf(type).flatMap(({ layer, linears }) => linears.map((linear) => ({ linear, layer })));
  const could = [...Map.groupBy(others, ({ linear }) => linear.name)].flatMap(([other, layers]) => {
    const condition = declared.get(other)?.bias;
    return facts && condition && configSaying(context, { ...type, facts }, layers, condition) ? [`\`${other}\``] : [];
  });
  const nearest =
    could.length > 0 ? `config.json can say that of ${could.join(", ")}` : "config.json can say that of none";
  return {
    kind: "not-supported",
    span,
    what: `a bias of \`${name}\`, ${asked ? `of which \`${type.arch.declaration.name.text}\` says \`bias where ${textAt(asked.span)}\`` : "which is a table"},`,
    hint: wayOut(name, nearest),
  } as const;
}

/** The linear layers that an architecture declares, by their names. */
const declarationsIn = (members: readonly Ast.ArchMember[]): ReadonlyMap<string, Ast.LinearDeclaration> =>
  new Map(
    members.flatMap((member) => {
      if (member.kind === "blocks") return [...declarationsIn(member.members)];
      return member.kind === "linear" ? [[member.name.text, member] as const] : [];
    }),
  );
