/** Codes as outputs of a program: the fields, and what must hold of them. */
import type { Span } from "../../grammar/source.ts";
import type { Output } from "../graph/graph.ts";
import type { Maker } from "../graph/make.ts";
import { slotNames } from "../graph/slots.ts";
import { invariant } from "../invariant.ts";
import { given } from "../language/bind.ts";
import type { Context } from "../language/context.ts";
import { operand } from "../language/evaluate.ts";
import { formatOfField, innerName, storedInput, storedTypesOf } from "../language/fields.ts";
import { withFields } from "../language/format.ts";
import { scopeIn } from "../language/scope.ts";
import { ids } from "../language/tensor.ts";
import type { Callable, Coded, Operand, Value } from "../language/value.ts";
import type { CodedFacts } from "../model/facts.ts";
import { orderNode } from "../model/linear.ts";
import { type Counting, countOfNonFinite, howMany, misfits } from "./finite.ts";

/** The fields as they are stored. */
export const fieldOutputs = (maker: Maker, { fields }: Coded): readonly Output[] =>
  [...fields].map(([field, { node, dims }]) => ({
    name: slotNames.field(slotNames.result, field),
    node: orderNode(maker, node, ids(dims), node.origin),
    store: node.type.dtype,
  }));

/** What a function gives of the fields and the parameters of codes, or of those of a field in a format. Fields in a format are numbers to it. */
export function ofCodes(
  context: Context,
  by: Callable,
  coded: CodedFacts,
  span: Span,
  of: string | null = null,
): Value {
  const { parameters, apply } = by.form([]);
  const { format, fields } = of === null ? coded : fieldAlone(coded, of);
  const within = of === null ? "" : innerName(of, "");
  const slot = (name: string): string => slotNames.field(slotNames.weight, within + name);
  const stored = new Map(fields.map((field) => [field.name, storedInput(context, slot(field.name), field, span)]));
  const call = { context, scope: scopeIn(null), span };
  const seen = withFields(call, format, stored, operand);
  const values = new Map<string, Operand>();
  for (const { name } of parameters) {
    const value = seen?.values.get(name.text) ?? format.scope.values.get(name.text);
    if (value) values.set(name.text, { value, span });
  }
  return apply(call, given(call.scope, values));
}

/** A field that is in a format as codes by themselves. */
export function fieldAlone({ format, fields }: CodedFacts, field: string): CodedFacts {
  const within = innerName(field, "");
  const own = formatOfField(format, field);
  invariant(own !== null, `${field} is in no format`);
  return {
    format: own,
    fields: fields.flatMap((each) =>
      each.name.startsWith(within) ? [{ ...each, name: each.name.slice(within.length) }] : [],
    ),
  };
}

/** That each field holds what is stored in it, and that the weights which they stand for are finite. */
export function codedChecks(maker: Maker, { format, operands, fields, value }: Coded): Counting {
  const held = [...storedTypesOf(format)].flatMap(([name, type]) => {
    const [x, stored] = [operands.get(name), fields.get(name)];
    const node = x && stored && misfits(maker, x, stored.node);
    const otherwise = `{n} numbers are not what ${name}: ${type} stores of them; look at the range of the method's codes`;
    return node ? [{ node: howMany(maker, node), otherwise }] : [];
  });
  const node = countOfNonFinite(maker, value.node);
  const counted = [...held, ...(node ? [{ node, otherwise: notFinite }] : [])].map(({ node, otherwise }, i) => ({
    output: { name: slotNames.misfit(i), node },
    otherwise,
  }));
  return {
    counts: counted.map(({ output }) => output),
    checks: counted.map(({ output: { name }, otherwise }) => ({ output: name, must: "none", otherwise })),
  };
}

const notFinite = "{n} of the new weights are NaN or infinite; look at the method, and at its statistics";
