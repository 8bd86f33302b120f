/** Selectors: which linear layers and tables of a model a stage works on. */
import type * as Ast from "../../grammar/ast.ts";
import { type Span, textAt } from "../../grammar/source.ts";
import { type Context, report } from "../language/context.ts";
import { operand } from "../language/evaluate.ts";
import { compileTimeNumber } from "../language/kinds.ts";
import { known } from "../language/size.ts";
import { type Dimension, ids, volume } from "../language/tensor.ts";
import type { Linear } from "../language/trace.ts";
import type { Scope } from "../language/value.ts";
import { list } from "../problems/description.ts";
import type { Problem } from "../problems/problem.ts";
import { pathOf } from "./declared-tensor.ts";
import { type Blocks, firstBlocks, isOf, type ModelType, partsOf } from "./value.ts";

export interface Selected {
  readonly linear: Linear;
  /** The block, or null outside the blocks. */
  readonly layer: number | null;
}

/**
 * The layers of `for a, except b`, in the order of the model; each selector must match something. Without `for`, all linear ones but
 * those that share their weight with a table, which `tied` names; tables, and what is tied to them, are named one by one.
 */
export function select(
  context: Context,
  scope: Scope,
  type: ModelType,
  { selectors, except, span }: Ast.Stage,
): { readonly selected: readonly Selected[]; readonly tied: readonly Linear[] } {
  const all = matricesIn(type);
  let isSaid = false;
  const matching = (of: Ast.Selector): readonly Selected[] => {
    const isMeant = blocksMeant(context, scope, type, of);
    const isPlaced = isMeant && positionsMeant(context, scope, all, of);
    const found =
      isMeant && isPlaced ? all.filter((each) => isPlaced(each.linear) && matches(type, of, isMeant, each)) : [];
    if (isPlaced && found.length === 0)
      report(context, { kind: "empty-selector", span: of.span, selector: textAt(of.span), ...others(type, of) });
    isSaid ||= found.length === 0;
    return found;
  };
  const untied = all.filter(({ linear }) => linear.tied === null && !linear.isTable);
  const found = selectors.map((of) => ({ of, layers: matching(of) }));
  const chosen = new Set(selectors.length > 0 ? found.flatMap(({ layers }) => layers) : untied);
  const left = new Set(except.flatMap(matching));
  const selected = all.filter((each) => chosen.has(each) && !left.has(each));
  const [first] = selectors;
  if (selected.length === 0 && !isSaid)
    report(context, {
      kind: "empty-selector",
      span: first?.span ?? span,
      selector: selectors.length > 0 ? selectors.map((each) => textAt(each.span)).join(", ") : "linear",
      known: except.length > 0 ? [] : names(type),
      ...(except.length > 0 && { hint: "`except` leaves out all that the stage selects" }),
    });
  const named = new Set(found.flatMap(({ of, layers }) => (isGeneral(of) ? [] : layers)));
  const tiedFaults = selected.flatMap((each) => tiedFault(type, each, named.has(each), first?.span ?? span) ?? []);
  for (const fault of tiedFaults.slice(0, 1)) report(context, fault);
  const tied = all.filter((each) => selectors.length === 0 && each.linear.tied !== null && !left.has(each));
  return { selected, tied: tied.map(({ linear }) => linear) };
}

/** Why a layer that shares its weight with a table is not worked on; null if it is, or shares none. */
function tiedFault(
  { outside }: ModelType,
  { linear: { name, tied, weight, to, from } }: Selected,
  isNamed: boolean,
  span: Span,
): Problem | null {
  if (tied === null) return null;
  const lies = outside.weights.find((tensor) => tensor.name === weight)?.dims.map((dims) => ids(dims).join());
  const isOne =
    !outside.tables.some((table) => table.name === tied) && lies?.join(" ") === [to, from].map(ids).join(" ");
  if (isOne) return isNamed ? null : { kind: "tied-weight", span, layer: name, table: tied };
  const what = `compressing \`${name}\`, which shares its weight with \`${tied}\`,`;
  return { kind: "not-supported", span, what, hint: `add \`except ${name}\`` };
}

/** The sizes that what layers read and make has among them, by the names of a method's header. */
export function layerSizes(selected: readonly Selected[]): ReadonlyMap<"in" | "out", readonly number[]> {
  const of = (dims: readonly Dimension[]): number => known(volume(dims)) ?? Number.NaN;
  const all = (sizes: readonly number[]): readonly number[] => [...new Set(sizes)].filter(Number.isInteger);
  return new Map([
    ["in", all(selected.map(({ linear }) => of(linear.from)))],
    ["out", all(selected.map(({ linear }) => of(linear.to)))],
  ]);
}

/** All that a stage may work on. */
export const matricesIn = (type: ModelType): readonly Selected[] =>
  partsOf(type).flatMap(({ layer, linears, tables }) => [...tables, ...linears].map((linear) => ({ linear, layer })));

/** What a selector may be instead; one of blocks that declare no linear layer is right, and has nothing to select. */
function others(type: ModelType, { path: [first] }: Ast.Selector): { known: readonly string[]; hint?: string } {
  const known = names(type);
  const kind = first && kindNamed(type, first.name.text);
  if (!kind || firstBlocks([kind]).some(({ linears }) => linears.length > 0)) return { known };
  const outside = known.length > 0 ? `; outside of them there is ${list(known)}` : "";
  const hint = `methods work on what is declared with \`linear\`, and these blocks declare \`weight\`s alone${outside}`;
  return { known: [], hint };
}

/** The blocks of that name. */
const kindNamed = ({ blocks }: ModelType, name: string): Blocks | undefined =>
  blocks.find(({ declaration }) => declaration.name.text === name);

function names(type: ModelType): string[] {
  const kinds = type.blocks.filter((kind) => firstBlocks([kind]).some(({ linears }) => linears.length > 0));
  const linears = [...firstBlocks(kinds), type.outside].flatMap((part) => part.linears);
  return [
    ...(linears.length > 0 ? ["linear"] : []),
    ...kinds.map(({ declaration }) => declaration.name.text),
    ...new Set(
      [...linears, ...type.outside.tables].flatMap((linear) => [
        declaredName(linear),
        ...(linear.tied ? [linear.tied] : []),
      ]),
    ),
  ];
}

/** `linear`, `lm_head`, `layer[0 .. 3]`, `layer.gate`, `gate[2]`, `mlp.*` with all that lies deeper: by the architecture's names, or by those of the checkpoint. */
function matches(
  type: ModelType,
  { path }: Ast.Selector,
  isMeant: (layer: number) => boolean,
  { linear, layer }: Selected,
): boolean {
  const [first, ...rest] = path.map(({ name }) => name.text);
  if (first === undefined) return false;
  if (isGeneral({ path })) return !linear.isTable;
  const kind = kindNamed(type, first);
  if (!kind) return matchesPath([first, ...rest], linear) || matchesTable(type, [first, ...rest], linear);
  return layer !== null && isOf(kind, layer) && isMeant(layer) && (rest.length === 0 || matchesPath(rest, linear));
}

/** As it is declared: the name of all layers at positions. */
const declaredName = ({ name, position }: Pick<Linear, "name" | "position">): string => position?.of ?? name;

/** Which positions a selector means, `gate[0 .. 3]`, of layers at positions; null, and a problem, where they are none. */
function positionsMeant(
  context: Context,
  scope: Scope,
  all: readonly Selected[],
  { path }: Ast.Selector,
): ((linear: Linear) => boolean) | null {
  const last = path.at(-1);
  const along = last && alongIn(all, last.name.text);
  if (!last?.blocks || !along) return () => true;
  const most = known(along.size) ?? 0;
  const found = last.blocks.map((range) => numbered(context, scope, last.name.text, range, { least: 0, most }));
  const numbers = new Set(found.flatMap((each) => each ?? []));
  return found.includes(null) ? null : ({ position }) => position !== null && numbers.has(position.at);
}

/** The dimension along which layers of that name lie, if they do. */
const alongIn = (all: readonly Selected[], name: string): Dimension | undefined =>
  all.find(({ linear: { position } }) => position?.of === name)?.linear.position?.along;

/** Which blocks a selector means; null, and a problem, where what stands in its brackets are none of this model. */
function blocksMeant(
  context: Context,
  scope: Scope,
  type: ModelType,
  { path, span }: Ast.Selector,
): ((layer: number) => boolean) | null {
  const [first, ...rest] = path;
  const kind = first && kindNamed(type, first.name.text);
  const all = matricesIn(type);
  const odd = (kind ? rest : path).find(
    (part) => part.blocks && !(part === path.at(-1) && alongIn(all, part.name.text)),
  );
  if (odd) {
    const [block] = type.blocks.map(({ declaration }) => declaration.name.text);
    const hint = `numbers stand behind blocks${block ? `, as in \`${block}[0].${odd.name.text}\`` : ""}`;
    report(context, { kind: "empty-selector", span, selector: textAt(span), known: [], hint });
    return null;
  }
  const [least, most] = [kind && known(kind.from), kind && known(kind.to)];
  if (!first?.blocks || least === undefined || most === undefined) return () => true;
  const found = first.blocks.map((range) => numbered(context, scope, first.name.text, range, { least, most }));
  const numbers = new Set(found.flatMap((each) => each ?? []));
  return found.includes(null) ? null : (layer) => numbers.has(layer);
}

/** The numbers of a range of blocks; null, and a problem, where there are none, or they are not from `least` to below `most`. */
function numbered(
  context: Context,
  scope: Scope,
  name: string,
  { from, to, by, span }: Ast.BlockRange,
  { least, most }: { readonly least: number; readonly most: number },
): readonly number[] | null {
  const whole = (expression: Ast.Expression, what: string, low: number, high = Number.POSITIVE_INFINITY) => {
    const real = compileTimeNumber(context, operand(context, scope, expression))?.real ?? null;
    if (real === null || (Number.isInteger(real) && real >= low && real <= high)) return real;
    const range = `a whole number from ${low}${Number.isFinite(high) ? ` to ${high}: the model has ${most - least}` : ""}`;
    report(context, { kind: "out-of-range", span: expression.span, what, value: String(real), range });
    return null;
  };
  const first = whole(from, to ? `a bound of \`${name}\`` : `\`${name}\``, least, to ? most : most - 1);
  if (first === null || !to) return first === null ? null : [first];
  const end = whole(to, `a bound of \`${name}\``, least, most);
  const step = by ? whole(by, `the step of \`${name}\``, 1) : 1;
  if (end === null || step === null) return null;
  const numbers = Array.from({ length: Math.max(0, Math.ceil((end - first) / step)) }, (_, i) => first + i * step);
  if (numbers.length > 0) return numbers;
  const hint = `a range is half open: from ${first} to below ${end} there is no block`;
  report(context, { kind: "empty-selector", span, selector: `${name}[${textAt(span)}]`, known: [], hint });
  return null;
}

/** `linear` and `*`, which mean whatever is linear. */
const isGeneral = ({ path: [first, ...rest] }: Pick<Ast.Selector, "path">): boolean =>
  rest.length === 0 && (first?.name.text === "linear" || first?.name.text === "*");

/** Whether the table is meant that a layer shares its weight with. */
const matchesTable = ({ outside }: ModelType, wanted: readonly string[], { tied, weight }: Linear): boolean =>
  tied !== null &&
  !outside.tables.some(({ name }) => name === tied) &&
  matchesPath(wanted, { name: tied, at: pathOf(weight) });

function matchesPath(
  wanted: readonly string[],
  { name, at, position = null }: Pick<Linear, "name" | "at"> & Partial<Pick<Linear, "position">>,
): boolean {
  if (wanted.length === 1 && wanted[0] === declaredName({ name, position })) return true;
  const path = at
    .slice(at.lastIndexOf("}") + 1)
    .split(".")
    .filter((part) => part !== "");
  const isOpen = wanted.at(-1) === "*" && path.length > wanted.length;
  return (isOpen || wanted.length === path.length) && wanted.every((part, i) => part === "*" || part === path[i]);
}
