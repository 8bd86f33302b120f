/** How the weights of a folder of a target are stored: config.json says it, and the tensors that are there must be as it says. */
import type { Span } from "../../grammar/source.ts";
import type { Context } from "../language/context.ts";
import { known } from "../language/size.ts";
import { volume } from "../language/tensor.ts";
import { type DeclaredTensor, pathOf, sidesOf } from "../model/declared-tensor.ts";
import type { ModelFacts } from "../model/facts.ts";
import type { Coding, Codings, Layer } from "./coding.ts";
import { readConfig } from "./config-template.ts";
import type { Json } from "./json.ts";
import { isCoded, unlistedBy } from "./left-out.ts";
import { rowsForm } from "./stored-fields.ts";
import { formatOf, isAllowed, type Layout, parametersIn, type Said, type Table, type Target } from "./table.ts";

interface Given {
  readonly context: Context;
  readonly target: Target;
  readonly facts: ModelFacts;
  readonly layers: ReadonlyMap<string, Layer>;
  readonly span: Span;
}

/** A text where config.json does not agree with the tensors, or says what no layout of the target has. */
export function codingsOf(given: Given, config: Readonly<Record<string, unknown>>): Codings | string {
  const { target, layers } = given;
  const groups = readConfig(target.table, config);
  if (typeof groups === "string") return groups;
  const unlisted = groups.map((group) => unlistedBy(target.table, group)).find((each) => each !== null);
  if (unlisted !== undefined) return `${unlisted}`;
  const weights = new Map<string, Coding>();
  const beside: string[] = [];
  for (const [weight, layer] of layers) {
    const path = pathOf(weight);
    const coding = codingOf(given, groups, layer, path);
    if (typeof coding === "string") return coding;
    if (!coding) continue;
    weights.set(weight, coding);
    beside.push(...(target.table.beside ?? []).map((name) => `${path}.${name}`));
  }
  const { activations = "" } = target.table;
  return { weights, beside, areActivations: groups.some((group) => (group.get(activations) ?? null) !== null) };
}

/** How a layer is coded; null if it is not. */
function codingOf(given: Given, groups: readonly Said[], layer: Layer, path: string): Coding | string | null {
  const { target } = given;
  const group = groupOf(target, groups, { path, isOutside: layer.layer === null });
  if (typeof group === "string") return group;
  const found = hasCodes(given, path);
  if (group === null && found !== null) return `${found} is there, and by config.json ${path} is not coded`;
  if (group === null) return null;
  const layout = layoutOf(target, group);
  if (!layout) return `no layout of codes is known for what config.json says of ${path}: ${shown(group)}`;
  return laidOut(given, layer, { layout, group, path });
}

/** The group that a layer is of; null if it is of none, a text where that cannot be known. */
function groupOf(
  { table }: Target,
  groups: readonly Said[],
  place: Parameters<typeof isCoded>[2],
): Said | string | null {
  const found: Said[] = [];
  for (const group of groups) {
    const isOf = isCoded(table, group, place);
    if (typeof isOf === "string") return isOf;
    if (isOf) found.push(group);
  }
  return found.length > 1 ? `${place.path} is of two groups` : (found[0] ?? null);
}

/** A tensor that only codes have; null where the layer has none. */
function hasCodes({ target, facts }: Given, path: string): string | null {
  const names = target.table.layouts.flatMap(({ tensors }) =>
    Object.values(tensors).map(([name]) => `${path}.${name}`),
  );
  return names.find((name) => facts.tensors.has(name) && !name.endsWith(".weight")) ?? null;
}

const layoutOf = ({ table: { layouts } }: Target, said: Said): Layout | undefined =>
  layouts.find(({ where }) => isAllowed(where, said));

const shown = (said: Said): string =>
  [...said].flatMap(([name, value]) => (typeof value === "object" ? [] : [`${name} ${value}`])).join(", ");

/** How many inputs are a run, as the format's parameter; a text where that is not known. */
function runOf(every: NonNullable<Table["every"]>, matrix: DeclaredTensor, group: Said): Said | string {
  const isRow = isAllowed(every.rows, group);
  if (!isRow && !isAllowed(every.runs, group)) return `runs that are not known: ${shown(group)}`;
  const all = known(volume(sidesOf(matrix).from)) ?? 0;
  const run = isRow ? all : (group.get(every.variable) ?? null);
  const isSize = typeof run === "number" && Number.isInteger(run) && run > 0;
  if (!isSize) return `runs of ${JSON.stringify(run)} inputs`;
  return all % run === 0 ? new Map([[every.parameter, run]]) : `runs of ${run} inputs, which do not divide its ${all}`;
}

interface Chosen {
  readonly layout: Layout;
  readonly group: Said;
  readonly path: string;
}

function laidOut(
  { context, target, span }: Given,
  { matrix }: Layer,
  { layout, group, path }: Chosen,
): Coding | string {
  const { every } = target.table;
  const hasRuns = every && parametersIn(target, layout).includes(every.parameter);
  const runs = hasRuns ? runOf(every, matrix, group) : new Map();
  if (typeof runs === "string") return `${path} has ${runs}`;
  const items = Object.entries(target.table.lists ?? {}).flatMap(([variable, names]) => {
    const list = group.get(variable) ?? null;
    return Array.isArray(list) ? names.map((name, i) => [name, list[i] as Json] as const) : [];
  });
  const format = formatOf(context, target, layout, new Map([...group, ...runs, ...items]), span);
  if (format.kind !== "format") return `config.json says of ${path} what its codes cannot have: ${shown(group)}`;
  const must = Object.entries(layout.must ?? {}).flatMap(([field, by]) => {
    const declared = target.scope.values.get(by);
    return declared?.kind === "callable" ? [[field, declared] as const] : [];
  });
  return {
    matrix,
    format,
    must: new Map(must),
    fieldAt: (field) => {
      const [name, dtype, ...rows] = layout.tensors[field.name] ?? ["", "U8"];
      return { tensor: `${path}.${name}`, form: rowsForm(field, dtype, rows) };
    },
  };
}
