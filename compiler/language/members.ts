/** What values offer: their fields, and the functions that belong to them (`sparsity.keep(d)`, `text.train.sample(…)`). */
import type { Name } from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { slotNames } from "../graph/slots.ts";
import { type Split, sourceOfWindows, type TaskPart } from "../plan/plan.ts";
import { habits } from "../problems/habits.ts";
import { type Context, report } from "./context.ts";
import { dimension, form, knownNumber, whole } from "./kinds.ts";
import { heldRange, isHeld, type Num, number, numbers, ofSize, unknownNumber, unknownWhole } from "./number.ts";
import { dataInput, stacked } from "./operations.ts";
import { declareDimension, findDimension, scopeIn } from "./scope.ts";
import { atom, fixed, known, type Size } from "./size.ts";
import { type Dimension, type Tensor, volume, type Windows } from "./tensor.ts";
import {
  type Call,
  type Config,
  type Corpus,
  type DimensionsGiven,
  type Form,
  fieldAt,
  isUnknown,
  type ModelValue,
  record,
  type Scope,
  type Sparsity,
  showValue,
  type Task,
  type Value,
  wrong,
} from "./value.ts";

/** What each member of a kind of value is. */
type Members<Of> = ReadonlyMap<string, (of: Of) => Value>;

/** Values, and those that are called. */
const members = <Of>(
  values: Readonly<Record<string, (of: Of) => Value>>,
  called: Readonly<Record<string, (of: Of) => Form>>,
): Members<Of> =>
  new Map([
    ...Object.entries(values),
    ...Object.entries(called).map(
      ([name, one]) => [name, (of: Of): Value => ({ kind: "callable", name, form: () => one(of) })] as const,
    ),
  ]);

const split =
  (name: Split) =>
  (of: Corpus): Value => ({ ...of, split: name });

const ofCorpus = members<Corpus>(
  { train: split("train"), validation: split("validation"), test: split("test") },
  { sample: (of) => sampleOf(of), windows: (of) => windowsOf(of), first: (of) => firstOf(of) },
);

/** Of a task, and of one of which the first items are taken. */
const ofTask = members<Task>(
  { choices: ({ facts }) => (facts ? number(facts.choices) : unknownWhole) },
  { windows: (of) => windowsOfTask(of), first: (of) => firstItems(of) },
);

/** Of a text of which the first windows are taken. */
const ofFirst = members<Corpus>({}, { windows: (of) => windowsOf(of) });

const ofSparsity = members<Sparsity>(
  {
    share: ({ share, pattern }) =>
      share ?? (pattern ? { kind: "absent", name: "the share of a pattern" } : unknownNumber),
    pattern: ({ share, pattern }) =>
      pattern ? number(pattern.of) : share ? { kind: "absent", name: "the pattern of a share" } : unknownNumber,
  },
  {
    cell: (of) => form({ d: dimension }, ({ d }) => cellOf(of, volume(d.dims))),
    keep: (of) => form({ d: dimension }, ({ d }) => keptOf(of, volume(d.dims))),
  },
);

/** The member of a value, or a problem. */
export function memberOf(context: Context, of: Value, name: Name, span: Span): Value {
  switch (of.kind) {
    case "wrong":
      return of;
    case "record":
      return of.fields.get(name.text) ?? unknownMember(context, name, "field", of.fields.keys());
    case "config":
      return of.items || (of.value === null && ofList.has(name.text))
        ? memberIn(context, ofList, of, name, "property of a list")
        : configField(context, of, name);
    case "absent":
      return ofList.get(name.text)?.(of) ?? { kind: "absent", name: `${of.name}.${name.text}` };
    case "sparsity":
      return memberIn(context, ofSparsity, of, name, "property of a sparsity");
    case "corpus":
      return memberIn(context, of.first === null ? ofCorpus : ofFirst, of, name, "part of a text");
    case "task":
      return memberIn(context, ofTask, of, name, "part of a task");
    case "model":
      return sizeOf(context, of, name);
    default:
      if (!isUnknown(of)) return withoutMembers(context, of, name, span);
      return ofList.get(name.text)?.(of) ?? unknownNumber;
  }
}

function withoutMembers(context: Context, of: Value, name: Name, span: Span): Value {
  const hint = of.kind === "tensor" ? (habits.get(name.text) ?? functionsOf) : "";
  const expected = "something with fields";
  return report(context, { kind: "wrong-type", span, expected, found: showValue(of), hint });
}

const functionsOf = "functions stand before a tensor: `abs(x)`, `sum(x, over d)`, `size(d)`";

const memberIn = <Of>(context: Context, members: Members<Of>, of: Of, name: Name, what: string): Value =>
  members.get(name.text)?.(of) ?? unknownMember(context, name, what, members.keys());

const unknownMember = (context: Context, { text, span }: Name, what: string, known: Iterable<string>) =>
  report(context, { kind: "unknown-name", span, name: text, what, known: [...known] });

function sizeOf(context: Context, { sizes }: ModelValue, { text, span }: Name): Value {
  const found = sizes().find(([name]) => name === text);
  if (found) return found[1];
  const known = [...new Map(sizes()).keys()];
  return report(context, {
    kind: "unknown-name",
    span,
    name: text,
    what: "dimension of this model",
    known,
    hint: `its \`arch\` declares ${known.map((dim) => `\`${dim}\``).join(", ")}`,
  });
}

/** A field of config.json; while no model is bound it is a number of its own name. */
function configField(context: Context, { value, path }: Config, { text: name, span }: Name): Value {
  const place = `${path}.${name}`;
  if (value === null) return { kind: "config", path: place, value: null };
  return configValue(context, Object.hasOwn(value, name) ? value[name] : undefined, place, span);
}

function configValue(context: Context, found: unknown, place: string, span: Span): Value {
  if (found === undefined) return { kind: "absent", name: place };
  if (found === null || isEmpty(found)) return { kind: "absent", name: place, isNull: true };
  const field = fieldAt(place);
  if (typeof found === "number") {
    if (isHeld(found)) return { ...number(found), field };
    return report(context, {
      kind: "config-value",
      span,
      field,
      dim: field,
      found: String(found),
      expected: heldRange,
    });
  }
  if (typeof found === "string") return { kind: "string", value: found, field };
  if (typeof found === "boolean") return { kind: "boolean", value: found, field };
  if (Array.isArray(found)) return { kind: "config", path: place, value: {}, items: found };
  return { kind: "config", path: place, value: found as { readonly [key: string]: unknown } };
}

/** Of a list that is not known yet, or not there, neither is an item. */
const ofList = members<Value>(
  {},
  {
    at: (of) => form({ i: knownNumber }, ({ i }, call) => itemOf(of, i, call)),
    has: (of) => form({ i: knownNumber }, ({ i }) => ({ kind: "boolean", value: hasItem(of, i.value.real) })),
    along: (of) => form({ d: dimension }, ({ d }, call) => numbersAlong(of, d, call)),
  },
);

/** `config.mlp_only_layers.has(layer)`: a list that is not there has nothing. */
function hasItem(of: Value, i: number | null): boolean | null {
  if (of.kind === "absent") return false;
  return of.kind === "config" && of.items && i !== null ? of.items.includes(i) : null;
}

/** `config.rope_scaling.long_factor.along(freq)`: a list that has one number for each position, as a tensor. */
function numbersAlong(of: Value, { dims, names }: DimensionsGiven, { context, span }: Call): Value {
  if (of.kind === "absent") return of;
  const [along, ...more] = dims;
  if (!along || more.length > 0)
    return report(context, { kind: "wrong-arguments", span, of: "along", form: "list.along(d)" });
  const size = known(along.size);
  const items = of.kind === "config" ? of.items : undefined;
  const isKnown = items !== undefined && size !== undefined;
  const found = isKnown ? items.filter((item): item is number => typeof item === "number" && isHeld(item)) : [0];
  if (of.kind === "config" && isKnown && (items.length !== size || found.length !== size)) {
    const field = fieldAt(of.path);
    const expected = `a list of ${size} numbers, one for each position of \`${names[0]?.text ?? along.name}\``;
    const shown = found.length === items.length ? `a list of ${items.length}` : "a list with something else in it";
    return report(context, { kind: "config-value", span, field, dim: field, found: shown, expected });
  }
  const nodes = found.map((value) => context.maker.make("constant", [], { value, dtype: "f32" }, span));
  return { kind: "tensor", dtype: "f32", dims: [along], node: stacked(context, nodes, along, span) };
}

/** `config.layer_types.at(layer)`: what is asked for at the number of a block has one item for each. */
function itemOf(of: Value, { value: i, span }: { readonly value: Num; readonly span: Span }, { context }: Call): Value {
  if (of.kind === "absent") return { ...of, name: `${of.name}[${i.real}]` };
  if (of.kind !== "config" || !of.items || i.real === null) return unknownNumber;
  const { items, path } = of;
  const many = i.blocks ?? items.length;
  if (items.length !== many) {
    const field = fieldAt(path);
    const expected = `a list of ${many}, one for each block`;
    const found = `a list of ${items.length}`;
    return report(context, { kind: "config-value", span, field, dim: field, found, expected });
  }
  if (Number.isInteger(i.real) && i.real >= 0 && i.real < many)
    return configValue(context, items[i.real], `${path}[${i.real}]`, span);
  const range = `a whole number from 0 to ${many - 1}: \`${fieldAt(path)}\` has ${many}`;
  return report(context, { kind: "out-of-range", span, what: "the place in a list", value: String(i.real), range });
}

/** A list or an object without entries says as little as null does. */
const isEmpty = (found: unknown): boolean => typeof found === "object" && Object.keys(found ?? {}).length === 0;

/** The length of a cell along dimensions of this size. */
const cellOf = ({ pattern }: Sparsity, size: Size): Value => (pattern ? number(pattern.of) : ofSize(size));

/** How many of a cell stay. */
function keptOf({ pattern, share }: Sparsity, size: Size): Value {
  if (pattern) return number(pattern.keep);
  const [all, removed] = [known(size), share && numbers("*", (a, b) => a * b, ofSize(size), share).real];
  return all === undefined || removed === null ? unknownWhole : number(all - Math.floor(removed));
}

const windowLength = whole("the length of a window", 2);

/** `text.sample(count, length: n, seed: 0)` draws windows. */
const sampleOf = (of: Corpus): Form =>
  form(
    { count: whole("the number of samples", 1), length: windowLength, seed: whole("the seed", 0, 0) },
    ({ count, length, seed }, { context, span }) => {
      const draw = { count, seed };
      const windows: Windows = { ...allOf(of, "train", length), draw };
      if (context.countWindows({ ...windows, draw: null }) === 0) return tooLong(context, windows, span);
      if (count * length <= mostTokens) return windows;
      return report(context, {
        kind: "out-of-range",
        span,
        what: `the number of tokens of ${count} samples of ${length}`,
        value: String(count * length),
        range: `at most ${mostTokens}`,
        hint: "draw fewer samples: methods are published with 128 to 1024",
      });
    },
  );

/** Of a sample: positions of tokens are whole numbers of 32 bits. */
const mostTokens = 2 ** 31;

/** All windows of that length that fit. */
const allOf = ({ name, split, first }: Corpus, otherwise: Split, length: number): Windows => ({
  kind: "windows",
  corpus: name,
  split: split ?? otherwise,
  ...{ length, first, draw: null },
});

/** `text.first(count)` is the text of which only so many windows are taken, those at its beginning. */
const firstOf = (of: Corpus): Form =>
  form({ count: whole("the number of windows", 1) }, ({ count }) => ({ ...of, first: count }));

/** `text.windows(length)` takes all that fit, and gives their tokens: i32[sample, token], with `sample` streaming past. */
const windowsOf = (of: Corpus): Form =>
  form({ length: windowLength }, ({ length }, { context, scope, span }) => {
    const windows = allOf(of, "test", length);
    const there = context.countWindows({ ...windows, first: null });
    if (there === 0) return tooLong(context, windows, span);
    const count = context.countWindows(windows);
    if (count !== null && there !== null && count > there) return tooFew(context, windows, there, span);
    return streamOf({ context, scope, span }, windows)?.tokens ?? wrong;
  });

/** The tokens of windows as they stream past, and the dimension `sample` along which they do; null, and a problem, beside other windows. */
function streamOf(
  call: Call,
  windows: Windows,
): { readonly sample: Dimension; readonly token: readonly Dimension[]; readonly tokens: Tensor } | null {
  const { context, span } = call;
  if (!areThose(call, windows)) return null;
  const inside = scopeIn(null);
  const streamed = { windows, keeps: "each" } as const;
  const count = context.countWindows(windows);
  const many = count ? fixed(count) : atom("sample");
  const sample = declareDimension(inside, "sample", many, "the windows", { span, streamed });
  const tokens = tokensInput(context, inside, windows.length, span);
  return { sample, token: tokens.dims, tokens: { ...tokens, dims: [sample, ...tokens.dims] } };
}

/** `task.first(count)` is the task of which only so many items are taken, those at its beginning. */
const firstItems = (of: Task): Form =>
  form({ count: whole("the number of items", 1) }, ({ count }, { context, span }) => {
    const there = of.first ?? of.facts?.items ?? count;
    if (count <= there) return { ...of, first: count };
    const range = `at most ${there}, all that \`${of.name}\` has`;
    return report(context, { kind: "out-of-range", span, what: "the number of items", value: String(count), range });
  });

/**
 * `task.windows()` are the items of a task: the `tokens` that a model reads, i32[sample, token], what all choices share once; and of each
 * choice the token that comes `next` at each of them, its `characters`, and whether it is the `right` one (`TaskPart`).
 */
const windowsOfTask = (of: Task): Form =>
  form({}, (_, call) => {
    const { context, span } = call;
    const { name, first, facts } = of;
    const task = facts && { choices: facts.choices, longest: facts.longest };
    const windows: Windows = {
      ...{ kind: "windows", corpus: name, split: "tokens", length: facts?.length ?? 0, first, draw: null },
      ...(task && { task }),
    };
    const stream = streamOf(call, windows);
    if (!stream) return wrong;
    const { sample, token, tokens } = stream;
    const many = task ? fixed(task.choices) : atom("choice");
    const choice = declareDimension(scopeIn(null), "choice", many, "the task", { span });
    const part = (name: TaskPart, dims: readonly Dimension[]): readonly [string, Tensor] => {
      const slot = slotNames.ofTask(name);
      return [name, dataInput(context, slot, "i32", [sample, ...dims], span)];
    };
    const ofChoices = [
      part("next", [choice, ...token]),
      part("characters", [choice]),
      part("right", [choice]),
    ] as const;
    return record(new Map([["tokens", tokens], ...ofChoices]));
  });

/** Tokens of one window, i32[token], while a program is built for windows of that length; 0 while it is unknown. */
export function tokensInput(context: Context, scope: Scope, length: number, span: Span): Tensor {
  const size = length > 0 ? fixed(length) : atom("token");
  const token = declareDimension(scope, "token", size, "the windows", { span });
  return dataInput(context, slotNames.tokens, "i32", [token], span);
}

function tooLong(context: Context, windows: Windows, span: Span): Value {
  const { corpus, split, length } = windows;
  const tokens = context.countWindows({ ...windows, length: 1, first: null, draw: null });
  const range = `at most ${tokens}, all tokens of \`${corpus}.${split}\``;
  const what = "the length of a window";
  const isShort = tokens === null || tokens < 2;
  const shorter = isShort
    ? ""
    : `, or ask for shorter windows: --length ${tokens} does where \`length\` is a parameter`;
  const hint = `give a longer text${shorter}`;
  return report(context, { kind: "out-of-range", span, what, value: String(length), range, hint });
}

function tooFew(context: Context, { corpus, split, length, first }: Windows, there: number, span: Span): Value {
  const range = `at most ${there}, all of ${length} tokens that \`${corpus}.${split}\` has`;
  return report(context, { kind: "out-of-range", span, what: "the number of windows", value: String(first), range });
}

/** In one scope `sample` and `token` are those of one text in windows of one length. */
function areThose({ context, scope, span }: Call, windows: Windows): boolean {
  const old = findDimension(scope, "sample");
  const other = old?.streamed?.windows;
  const show = ({ length, first, ...source }: Windows) =>
    `\`${sourceOfWindows(source)}\` in ${first === null ? "" : `the first ${first} `}windows${length > 0 ? ` of ${length}` : ""}`;
  if (!other || show(other) === show(windows)) return true;
  report(context, {
    kind: "dimension-mismatch",
    span,
    name: "sample",
    found: show(windows),
    expected: show(other),
    other: old?.span ?? span,
    because: `sample is ${show(other)}`,
  });
  return false;
}
