/** What stages do to one another: seen before anything runs, from what methods' bodies leave of weights. */
import type * as Ast from "../../grammar/ast.ts";
import { type Span, textAt } from "../../grammar/source.ts";
import { implies, showZeros, type Zeros } from "../effects/zeros.ts";
import { coneOf } from "../graph/cone.ts";
import { slotNames } from "../graph/slots.ts";
import { type Context, note, report } from "../language/context.ts";
import { unknownWhole } from "../language/number.ts";
import { fixed, showSize } from "../language/size.ts";
import { type Dimension, volume } from "../language/tensor.ts";
import type { Linear } from "../language/trace.ts";
import { type Format, showFormat, showValue, type Value } from "../language/value.ts";
import { tensorName } from "../model/declared-tensor.ts";
import type { Checking } from "./checking.ts";
import { layersIn } from "./collections.ts";
import { type Change, givenStates, keyOf, lostIn, type States } from "./effects.ts";
import { applyMethod } from "./method.ts";
import type { Compression } from "./method-result.ts";
import type { Counted, TypedStage } from "./typed.ts";

/** What a method does to a layer's weight: its sizes may decide that. */
export type ChangeFor = (context: Context, linear: Linear) => Change;

export function changesOf({ applied, windows, ...stage }: TypedStage): ChangeFor {
  const layers = stage.selected.length > 0 ? layersIn(stage) : ([1, 1] as const);
  const known = new Map<string, Change>();
  return (context, linear) => {
    const sizes = [linear.to, linear.from].map((dims) => showSize(volume(dims))).join(" x ");
    const old = known.get(sizes);
    if (old) return old;
    const isFold = applied.method.on.text === "readers";
    const site = {
      linear,
      dtype: "f32",
      bias: "f32",
      others: new Map(),
      layers,
      input: null,
      reached: null,
      windows,
    } as const;
    const made = isFold ? null : applyMethod(context, applied, site);
    const zeros = isFold ? { keeps: true, isSeen: true, makes: [] } : (made?.zeros?.() ?? null);
    const givesBias = made?.outputs.some(({ name }) => name === slotNames.newBias) ?? false;
    const change = { zeros, format: made?.format ?? null, isFold, givesBias, factored: made && factoredIn(made) };
    known.set(sizes, change);
    return change;
  };
}

/** The columns of a second moment of what a layer reads of which a factor is made. */
function factoredIn({ outputs, statistics }: Compression): number | null {
  const factors = coneOf(outputs.map(({ node }) => node)).filter(
    ({ op }) => op === "cholesky" || op === "eigenvectors",
  );
  const read = new Set(coneOf(factors).flatMap((node) => (node.op === "input" ? [node.attrs.name] : [])));
  const sizes = statistics
    .filter(({ slot, by }) => read.has(slot) && by === "sum")
    .flatMap(({ node }) => node.type.dims.map(({ size }) => size))
    .filter((size, i, all) => all.indexOf(size) < i);
  return sizes.length > 0 ? Math.max(...sizes) : null;
}

/** A stage on layers, and the format in which its method stores weights whose sizes are open. */
export interface Coding extends TypedStage {
  readonly format: Format | null;
}

/** What the stage does to each weight that it works on; while there is no model, to one that stands for all that it selects. */
export function changesIn(
  context: Context,
  stage: Ast.Stage,
  { selected, format }: Coding,
  type: unknown,
  changeFor: ChangeFor,
): Changes {
  if (type)
    return new Map(
      selected.map((each) => {
        const inside = { ...context, where: ` in ${tensorName(each.linear.weight, each.layer)}` };
        return [keyOf(each), { ...changeFor(inside, each.linear), layer: each.linear.name }];
      }),
    );
  const apart = { ...context, found: [], notes: [], types: new Map(), uses: new Map() };
  const one = changeFor(apart, standIn(stage.span, 1));
  const isOfAny = one.format === null || (format !== null && showFormat(format) === showFormat(one.format));
  const other = isOfAny ? one : changeFor(apart, standIn(stage.span, 2));
  const change = { ...one, format: one.format && other.format && common(one.format, other.format), layer: null };
  return new Map([[selectedText(stage), apart.found.length > 0 ? { ...change, zeros: null } : change]]);
}

/** By the keys of layers, whose names are known with a model. */
type Changes = ReadonlyMap<string, Change & { readonly layer: string | null }>;

/** What a stage selects, as written: the key of its layers while there is no model, as equal texts select equal ones. */
export const selectedText = ({ selectors, except }: Ast.Stage): string =>
  [selectors, except].map((each) => each.map(({ span }) => textAt(span)).sort()).join(" but ");

/** A layer of sizes that whatever runs there are divide: no model of its own decides less. It has as many weights as any other of these. */
function standIn(span: Span, times: number): Linear {
  const most = 2 ** 10 * 45;
  const dim = (name: string, size: number): Dimension => ({
    id: name,
    name,
    size: fixed(size),
    source: "any layer",
    span,
  });
  const shape = {
    from: [dim("in", most * times)],
    to: [dim("out", most / times)],
    isInFirst: false,
    position: null,
    among: null,
    tied: null,
  };
  return { name: "any layer", at: "any layer", weight: "any layer.weight", ...shape, isTable: false, span };
}

/** A format of layers of any size, by those of two sizes: an argument that differs is some number. */
function common(one: Format, other: Format): Format {
  const of = (value: Value, beside: Value | undefined): Value => {
    if (value.kind === "format" && beside?.kind === "format") return common(value, beside);
    return beside && showValue(beside) === showValue(value) ? value : unknownWhole;
  };
  const values = [...one.scope.values].map(([name, value]) => [name, of(value, other.scope.values.get(name))] as const);
  return { ...one, scope: { ...one.scope, values: new Map(values) } };
}

/** What the weights of a model are by then. */
export function statesOf({ effects, models }: Checking, model: string): States {
  const type = models.get(model);
  return effects.get(model) ?? (type ? givenStates(type) : new Map());
}

/** Refuses to work on codes, which a method does not see: a stage says where they become numbers. */
export function areNumbers(
  { context, stages }: Checking,
  { name: { text: name }, of: { text: of }, method, span }: Ast.Stage,
  before: States,
  changes: Changes,
): boolean {
  // A choice is made for numbers: codes are those of a method before this one in its chain.
  const isInChain = span === method.span;
  for (const [key, { format: made, zeros, layer }] of changes) {
    const codes = before.get(key)?.codes;
    if (!codes) continue;
    const format = showFormat(codes.format);
    const { by } = codes;
    const from = by && sourceOf(stages, by.name);
    const given = by && from !== null && { stage: name, by: by.name, made: by.span, format, from, isInChain };
    const overlap = overlapOf(before, changes);
    if (given && made) report(context, { kind: "codes-twice", span, ...given, of, overlap });
    else if (given && zeros && zeros.makes.length > 0) report(context, { kind: "prunes-codes", span, ...given });
    else report(context, { kind: "needs-numbers", span, layer, format, of });
    return false;
  }
  return true;
}

/** The names of layers all of which are codes; none where those of another name are codes in part, or all are. */
function overlapOf(before: States, changes: Changes): readonly string[] {
  const isCoded = ([key]: readonly [string, unknown]): boolean => before.get(key)?.codes != null;
  const byName = [...Map.groupBy(changes, ([, { layer }]) => layer)];
  const some = byName.filter(([, each]) => each.some(isCoded));
  const areWhole = some.length < byName.length && some.every(([, each]) => each.every(isCoded));
  return areWhole ? some.flatMap(([name]) => name ?? []) : [];
}

const sourceOf = (stages: readonly TypedStage[], name: string): string =>
  stages.find((stage) => stage.name === name)?.of ?? name;

/** Refuses to count on zeros that a stage has made and another has not kept: on all of a model's, or those of some layers. */
export function areKept(
  { context }: Checking,
  states: States,
  relies: Span,
  { pattern = null, keys = states.keys() }: { readonly pattern?: Zeros | null; readonly keys?: Iterable<string> } = {},
): boolean {
  const lost = lostIn(states, keys, pattern);
  if (!lost) return true;
  const { by, to, how } = lost;
  const named = {
    stage: to.name,
    by: by.name,
    made: by.span,
    zeros: showZeros(lost.zeros),
    how,
    isChoice: to.isChoice ?? false,
  };
  report(context, { kind: "zeros-lost", span: to.span, ...named, relies });
  return false;
}

/** Says where a matrix is factored that is made of fewer tokens than it has columns. */
export function noteFewRows(context: Context, { name, windows, span }: TypedStage, changes: Changes): void {
  const count = windows && context.countWindows(windows);
  if (!windows || !count) return;
  const few = [...changes.values()].filter(({ factored }) => factored !== null && factored > count * windows.length);
  const most = few.toSorted((a, b) => (b.factored ?? 0) - (a.factored ?? 0))[0];
  if (!most?.factored || !most.layer) return;
  const of = { stage: name, layer: most.layer, layers: few.length, columns: most.factored };
  note(context, { kind: "few-rows", span, ...of, windows: count, length: windows.length });
}

/** Says where weights are to stay 0 and nothing in the method shows that they do. */
export function noteUnseen(
  context: Context,
  { name, applied, span }: TypedStage,
  before: States,
  changes: Changes,
): void {
  for (const [key, { zeros }] of changes) {
    const [made] = before.get(key)?.zeros ?? [];
    if (!made || !zeros?.keeps || zeros.isSeen) continue;
    const of = { stage: name, method: applied.method.name.text, zeros: showZeros(made.zeros) };
    note(context, { kind: "zeros-unseen", span, ...of, by: made.by.name, made: made.by.span });
    return;
  }
}

/** Says where runs are to have zeros, and nothing shows that what stages leave of them has, or that their zeros fall so. */
export function notePattern(
  context: Context,
  { model, pattern, layers }: Pick<Counted, "model" | "pattern" | "layers">,
  states: States,
  span: Span,
): void {
  for (const layer of pattern ? layers : []) {
    const state = states.get(keyOf(layer));
    if (!state || !pattern || state.zeros.some(({ zeros }) => implies(zeros, pattern))) continue;
    const [made] = state.zeros;
    const by = made ? { name: made.by.name, made: made.by.span, zeros: showZeros(made.zeros) } : null;
    note(context, { kind: "pattern-unseen", span, model, pattern: showZeros(pattern), by });
    return;
  }
}

/** Says where a step comes after a stronger one on the same weights: dropping after rounding, or after dropping more. */
export function noteOrder(context: Context, { name, span }: TypedStage, before: States, changes: Changes): void {
  for (const [key, { zeros }] of changes) {
    const [made] = zeros?.makes ?? [];
    const state = before.get(key);
    if (!made || !state) continue;
    const stronger = state.zeros.find((each) => implies(each.zeros, made) && !implies(made, each.zeros));
    const by = state.codes ? state.codes.by : stronger?.by;
    if (!by) continue;
    const format = state.codes && showFormat(state.codes.format);
    const of = { stage: name, zeros: showZeros(made), by: by.name, made: by.span, format };
    note(context, { kind: "stronger-first", span, ...of, more: stronger ? showZeros(stronger.zeros) : "" });
    return;
  }
}

/** Says where weights are dropped of what was rotated: there are no outliers left to tell which matter. */
export function noteRotated(context: Context, { name, span }: TypedStage, before: States, changes: Changes): void {
  for (const [key, { zeros }] of changes) {
    const [made] = zeros?.makes ?? [];
    const by = before.get(key)?.rotated;
    if (!made || !by) continue;
    note(context, { kind: "prunes-rotated", span, stage: name, zeros: showZeros(made), by: by.name, made: by.span });
    return;
  }
}

/** Refuses stages whose results nothing reads, where a recipe saves or measures any. */
export function refuseUnread({ context, stages, measures, saves, named }: Checking): void {
  if (measures.length === 0 && saves.length === 0) return;
  const read = new Set(context.uses.values());
  for (const { name, span } of stages) {
    const declared = named.get(name);
    if (declared && !read.has(declared)) report(context, { kind: "unread-stage", span, stage: textAt(declared) });
  }
}
