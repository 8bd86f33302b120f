/** Codes as outputs of a program: the fields, and what must hold of them. */
import type { Span } from "../../grammar/source.ts";
import type { Output } from "../graph/graph.ts";
import type { Maker } from "../graph/make.ts";
import { slotNames } from "../graph/slots.ts";
import { given } from "../language/bind.ts";
import type { Context } from "../language/context.ts";
import { storedInput, storedTypesOf } from "../language/fields.ts";
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

/** What a function gives of the fields and the parameters of codes. */
export function ofCodes(context: Context, by: Callable, { format, fields }: CodedFacts, span: Span): Value {
  const { parameters, apply } = by.form([]);
  const values = new Map<string, Operand>();
  for (const { name } of parameters) {
    const field = fields.find((each) => each.name === name.text);
    const slot = slotNames.field(slotNames.weight, name.text);
    const value = field ? storedInput(context, slot, field, span) : format.scope.values.get(name.text);
    if (value) values.set(name.text, { value, span });
  }
  const call = { context, scope: scopeIn(null), span };
  return apply(call, given(call.scope, values));
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
