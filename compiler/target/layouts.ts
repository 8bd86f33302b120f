/** In which layouts of a target the coded weights of a model can be written, and why not. */
import type { Modules } from "../language/declare.ts";
import { type Format, showFormat } from "../language/value.ts";
import type { Json } from "./json.ts";
import {
  type Allowed,
  hasGroups,
  isOf,
  type Layout,
  type Multiples,
  parametersOf,
  type Said,
  type Target,
} from "./table.ts";

/** A weight that is coded, with its sizes. */
export interface Source {
  readonly format: Format;
  readonly sizes: { readonly in: number; readonly out: number };
  readonly isInFirst: boolean;
}

/** How a weight is written, and what config.json says of that. */
export interface Written {
  readonly layout: Layout;
  readonly made: NonNullable<Layout["made"]>;
  readonly said: Said;
}

/** What a target does not hold, and what it does. */
export interface Refusal {
  readonly what: string;
  readonly hint: string;
}

export const isRefusal = (found: object): found is Refusal => "hint" in found;

/** A layout for each weight, by name. */
export function layoutsFor(
  target: Target,
  modules: Modules,
  weights: ReadonlyMap<string, Source>,
): ReadonlyMap<string, Written> | Refusal {
  const found = new Map<string, Written>();
  const { every } = target.table;
  const isInRows = every !== undefined && areRows(weights, every.parameter);
  for (const [name, source] of weights) {
    const written = layoutFor(target, modules, name, source);
    if (isRefusal(written)) return written;
    const run = parametersOf(source.format).get(every?.parameter ?? "") ?? null;
    const runs = isInRows || !every ? first(every?.rows ?? {}) : [...first(every.runs), [every.variable, run] as const];
    found.set(name, { ...written, said: new Map([...runs, ...written.said]) });
  }
  const kinds = [...Map.groupBy(found, ([, { said }]) => JSON.stringify([...said])).values()];
  if (kinds.length < 2 || hasGroups(target.table)) return found;
  const shown = kinds.map(
    ([entry]) => entry && `${showFormat((weights.get(entry[0]) as Source).format)} (${entry[0]})`,
  );
  return {
    what: `several formats in one folder: ${shown.slice(0, 2).join(", ")}`,
    hint: `give all layers one format, or save as "lcomp", which holds any`,
  };
}

/** Whether runs are whole rows, of different lengths. */
function areRows(weights: ReadonlyMap<string, Source>, parameter: string): boolean {
  const all = [...weights.values()].map(({ format, sizes }) => ({ run: parametersOf(format).get(parameter), sizes }));
  return new Set(all.map(({ run }) => run)).size > 1 && all.every(({ run, sizes }) => run === sizes.in);
}

function layoutFor(
  { name: target, table }: Target,
  modules: Modules,
  name: string,
  { format, sizes, isInFirst }: Source,
): Written | Refusal {
  const instead = `leave it out of the stage with \`except\`, or save as another than "${target}"`;
  if (isInFirst && !table.is_conv1d_held)
    return {
      what: `${name}, which has the inputs first: it is of the class \`Conv1D\`, and no \`Linear\``,
      hint: instead,
    };
  const given = parametersOf(format);
  const isHeld = ({ where, made }: Layout): boolean => holds(where, given) && holds(made?.where ?? {}, given);
  const own = table.layouts.filter(({ made }) => made && isOf(modules, made, format));
  const layout = own.find(isHeld);
  if (!layout?.made)
    return { what: `${showFormat(format)} (${name})`, hint: hintFor(modules, own.length > 0 ? own : table.layouts) };
  const odd = oddSize({ ...table.multiples, ...layout.made.multiples }, sizes);
  if (odd) {
    const [size, below] = [sizes[odd.size], Math.floor(sizes[odd.size] / odd.of) * odd.of];
    const nearest = [below, below + odd.of].filter((each) => each > 0).join(" and ");
    return {
      what: `${name}, whose \`${odd.size}\` of ${size} is no multiple of ${odd.of}, as ${nearest} would be`,
      hint: instead,
    };
  }
  const said = new Map([...first(layout.where), ...first(layout.made.where ?? {}), ...given]);
  said.delete(table.every?.parameter ?? "");
  return { layout, made: layout.made, said };
}

/** Whether the parameters of a format are among what is allowed for; of what is none, config.json says it. */
const holds = (allowed: Allowed, given: Said): boolean =>
  Object.entries(allowed).every(([name, values]) => !given.has(name) || values.includes(given.get(name) ?? null));

const first = (allowed: Allowed): readonly (readonly [string, Json])[] =>
  Object.entries(allowed).map(([name, values]) => [name, values[0] ?? null]);

function oddSize(
  multiples: Multiples,
  sizes: Source["sizes"],
): { readonly size: "in" | "out"; readonly of: number } | null {
  const size = (["in", "out"] as const).find((each) => sizes[each] % (multiples[each] ?? 1) !== 0);
  return size ? { size, of: multiples[size] ?? 1 } : null;
}

/** What the nearest layouts hold. */
function hintFor(modules: Modules, layouts: readonly Layout[]): string {
  const held = layouts.flatMap(({ made, where }) => {
    if (!made) return [];
    const allowed: Allowed = { ...where, ...made.where };
    const shown = parametersNamed(modules, made).flatMap((name) => {
      const values = allowed[name] ?? [];
      return values.length === 0 ? [] : [`${name}: ${values.join(" or ")}`];
    });
    return [`${made.of}(${shown.join(", ")})`];
  });
  return `it holds ${[...new Set(held)].join(", ")}; "lcomp" holds every format`;
}

/** The parameters of what is written, in their order. */
const parametersNamed = ({ scopes }: Modules, { of, in: module }: NonNullable<Layout["made"]>): readonly string[] => {
  const declared = scopes.get(module)?.values.get(of);
  return declared?.kind === "callable" ? declared.form([]).parameters.map(({ name }) => name.text) : [];
};
