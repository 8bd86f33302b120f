/** What the members of an architecture have in common while they are declared: dimensions, and stored tensors. */
import type * as Ast from "../../grammar/ast.ts";
import { type Context, report } from "../language/context.ts";
import { areDistinct } from "../language/names.ts";
import { declareDimension, findDimension, knownNames } from "../language/scope.ts";
import { open } from "../language/size.ts";
import { type Dimension, graphDims, type Tensor } from "../language/tensor.ts";
import type { Linear } from "../language/trace.ts";
import type { Scope } from "../language/value.ts";
import { codedMatrix } from "./coded-matrix.ts";
import { type DeclaredTensor, type Fault, storedType, tensorName } from "./declared-tensor.ts";
import type { ModelFacts } from "./facts.ts";
import type { Blocks } from "./value.ts";

/** What is gathered while the members of an architecture, or of its blocks, are declared. */
export interface Declaring {
  readonly context: Context;
  readonly facts: ModelFacts | null;
  /** Null outside of the blocks. */
  readonly layer: number | null;
  /** The scope in which a member is evaluated: all have the same names in it, and behind it those of the module that declares the member. */
  readonly scopeOf: (member: Ast.ArchMember) => Scope;
  readonly linears: Linear[];
  /** Tables of two dimensions. */
  readonly matrices: Linear[];
  readonly weights: DeclaredTensor[];
  /** Those that several linear layers share. */
  readonly shared: Map<string, Tensor | null>;
  /** Which stored tensor each table reads. */
  readonly tables: Map<string, string>;
  readonly leftOut: string[];
  readonly faults: Fault[];
  readonly blocks: Blocks[];
  isFaulty: boolean;
}

/** Declared dimensions; one that is not declared is reported once, and then known to be missing; of two of one name, one is left. */
export function dimsNamed(context: Context, scope: Scope, names: readonly Ast.Name[]): Dimension[] {
  const hint = "declare another name for one of the two, as in `dim wide = size(model)`";
  const isFirst = ({ text }: Ast.Name, i: number): boolean => names.findIndex((name) => name.text === text) === i;
  return (areDistinct(context, names, hint) ? names : names.filter(isFirst)).map(({ text: name, span }) => {
    const found = findDimension(scope, name);
    if (found) return found;
    const hint =
      name === "..." ? "a weight names all its dimensions" : `declare it, as in \`dim ${name} = config.hidden_size\``;
    report(context, { kind: "unknown-name", span, name, what: "dimension", known: knownNames(scope, "dims"), hint });
    return declareDimension(scope, name, open(name), "config", { isMissing: true });
  });
}

/** A weight as a graph input in the type that it is stored in, or as what its codes stand for; reading it gives f32. */
export function storedTensor(part: Declaring, tensor: DeclaredTensor, dims: readonly Dimension[]): Tensor | null {
  const { context, facts } = part;
  part.weights.push(tensor);
  const dtype = facts ? storedType(part, tensor) : "f32";
  if (!dtype || dims.some(({ isMissing }) => isMissing)) return null;
  const coded = facts?.tensors.get(tensorName(tensor.name, part.layer))?.coded;
  if (coded) return codedMatrix(context, coded, tensor);
  const attrs = { name: tensor.name, type: { dtype, dims: graphDims(dims) }, role: "weight" } as const;
  return { kind: "tensor", dtype: "f32", dims, node: context.maker.make("input", [], attrs, tensor.span) };
}
