/** Codes that are given: where a number in the files says what is picked, there must be such a place. */
import type { Span } from "../../grammar/source.ts";
import { coneOf } from "../graph/cone.ts";
import type { Maker } from "../graph/make.ts";
import type { Node } from "../graph/ops.ts";
import { rangeOf } from "../graph/range.ts";
import { slotNames } from "../graph/slots.ts";
import { sizeOf } from "../graph/type.ts";
import { outerName, storedInput } from "../language/fields.ts";
import { ids } from "../language/tensor.ts";
import { readCoded } from "../model/coded-matrix.ts";
import { wholeOf } from "../model/coded-type.ts";
import { tensorName } from "../model/declared-tensor.ts";
import type { CodedFacts } from "../model/facts.ts";
import { orderNode } from "../model/linear.ts";
import { matricesIn } from "../model/selector.ts";
import type { Model } from "../model/value.ts";
import type { Check, Ref } from "../plan/step.ts";
import { ofCodes } from "./coded-outputs.ts";
import { howMany } from "./finite.ts";
import type { Passing } from "./passes.ts";
import { addStep, type Emitting } from "./steps.ts";

/** Adds a step, in such a part, for each weight of a given model whose codes say more than their numbers. */
export function checkGivenCodes(at: Emitting, model: Model, place: Passing["part"]): void {
  const seen = new Set<string>();
  for (const { linear, layer } of matricesIn(model.type)) {
    const { name: what, span } = wholeOf(linear);
    const tensor = tensorName(linear.weight, layer);
    const coded = seen.has(tensor) ? undefined : model.type.facts?.tensors.get(tensor)?.coded;
    seen.add(tensor);
    if (!coded) continue;
    const faults = [...faultsIn(at, coded, model.name, span)];
    const counts = faults.map(({ node }, i) => ({ name: slotNames.misfit(i), node: howMany(at.maker, node) }));
    const checks = faults.map(({ otherwise }, i): Check => ({ output: slotNames.misfit(i), must: "none", otherwise }));
    const others = new Map(
      coded.fields.flatMap(({ name }): [string, Ref][] => {
        const ref = model.at.get(slotNames.field(tensor, name));
        return ref ? [[slotNames.field(slotNames.weight, name), ref]] : [];
      }),
    );
    const part = { ...place, layer, what };
    if (counts.length > 0) addStep(at, at.maker.graph("check", counts), { model, layer, others }, part, checks);
  }
}

/** What there may be none of: true where it is, with the sentence for people. */
interface Fault {
  readonly node: Node;
  readonly otherwise: string;
}

function* faultsIn({ context, maker }: Emitting, coded: CodedFacts, model: string, span: Span): Generator<Fault> {
  const called = (name: string): string =>
    coded.fields.find((field) => slotNames.field(slotNames.weight, field.name) === name)?.tensor ?? name;
  const weight = readCoded(context, coded, slotNames.weight, span);
  for (const { by, size, outside } of weight ? picksIn(maker, weight.node) : []) {
    const stored = by.map(called).join(", ");
    const otherwise = `{n} numbers of ${stored} in ${model} are not from 0 to ${size - 1}, though they say which number is meant; use a sound copy of the model`;
    yield { node: outside, otherwise };
  }
  for (const field of coded.fields) {
    const name = slotNames.field(slotNames.weight, field.name);
    const wanted = field.must && ofCodes(context, field.must, coded, span, outerName(field.name));
    if (wanted?.kind !== "tensor") continue;
    const stored = storedInput(context, name, field, span);
    const order = ids(wanted.dims);
    const same = maker.make("equal", [orderNode(maker, stored.node, order, span), wanted.node], {}, span);
    const otherwise = `{n} numbers of ${called(name)} in ${model} are others than its config.json and its codes give; use a sound copy of the model`;
    yield { node: maker.make("not", [same], {}, span), otherwise };
  }
}

interface Pick {
  /** The fields that say where. */
  readonly by: readonly string[];
  readonly size: number;
  /** True where there is no such place. */
  readonly outside: Node;
}

/** Where something is picked by what is stored, each way once. */
function picksIn(maker: Maker, node: Node): readonly Pick[] {
  const picks = new Map<string, Pick>();
  for (const each of coneOf([node])) {
    if (each.op !== "gather") continue;
    const [x, place] = each.inputs;
    const size = sizeOf(x.type, each.attrs.dim) ?? 0;
    const by = coneOf([place]).flatMap((input) => (input.op === "input" ? [input.attrs.name] : []));
    const { low, high } = rangeOf(place);
    if (by.length > 0 && (low < 0 || high >= size))
      picks.set(`${place.id} ${size}`, { by, size, outside: outsideOf(maker, place, size) });
  }
  return [...picks.values()];
}

function outsideOf({ make }: Maker, place: Node, size: number): Node {
  const bound = (value: number): Node => make("constant", [], { value, dtype: "i32" }, place.origin);
  const isBelow = make("less", [place, bound(0)], {}, place.origin);
  return make("or", [isBelow, make("lessEqual", [bound(size), place], {}, place.origin)], {}, place.origin);
}
