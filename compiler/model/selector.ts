/** Selectors: which linear layers of a model a stage works on. */
import type * as Ast from "../../grammar/ast.ts";
import { textAt } from "../../grammar/source.ts";
import { type Context, report } from "../language/context.ts";
import { operand } from "../language/evaluate.ts";
import { compileTimeNumber } from "../language/kinds.ts";
import { known } from "../language/size.ts";
import type { Linear } from "../language/trace.ts";
import type { Scope } from "../language/value.ts";
import { list } from "../problems/description.ts";
import { type Blocks, firstBlocks, isOf, type ModelType, partsOf } from "./value.ts";

export interface Selected {
  readonly linear: Linear;
  /** The block, or null outside the blocks. */
  readonly layer: number | null;
}

/**
 * The layers of `for a, except b`, in the order of the model; each selector must match something. Without `for`, all but those
 * that share their weight with a table, which `tied` names.
 */
export function select(
  context: Context,
  scope: Scope,
  type: ModelType,
  { selectors, except, span }: Ast.Stage,
): { readonly selected: readonly Selected[]; readonly tied: readonly Linear[] } {
  const all = candidates(type);
  let isSaid = false;
  const matching = (of: Ast.Selector): readonly Selected[] => {
    const isInRange = checkRange(context, scope, type, of);
    const found = isInRange ? all.filter((each) => matches(context, scope, type, of, each)) : [];
    if (isInRange && found.length === 0)
      report(context, { kind: "empty-selector", span: of.span, selector: textAt(of.span), ...others(type, of) });
    isSaid ||= found.length === 0;
    return found;
  };
  const untied = all.filter(({ linear }) => linear.tied === null);
  const chosen = new Set(selectors.length > 0 ? selectors.flatMap(matching) : untied);
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
  for (const { linear } of selected) {
    if (!linear.tied) continue;
    report(context, {
      kind: "not-supported",
      span: first?.span ?? span,
      what: `compressing \`${linear.name}\`, which shares its weight with \`${linear.tied}\`,`,
      hint: selected.some((each) => each.linear.tied === null)
        ? `add \`except ${linear.name}\``
        : `the table is no linear layer; there are ${list(names(type).filter((name) => name !== linear.name))}`,
    });
    break;
  }
  const tied = all.filter((each) => selectors.length === 0 && each.linear.tied !== null && !left.has(each));
  return { selected, tied: tied.map(({ linear }) => linear) };
}

const candidates = (type: ModelType): readonly Selected[] =>
  partsOf(type).flatMap(({ layer, linears }) => linears.map((linear) => ({ linear, layer })));

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
    ...new Set(linears.map(({ name }) => name)),
  ];
}

/** `linear`, `lm_head`, `layer[0 .. 3]`, `layer.gate`, `mlp.*`: by the architecture's names, or by those of the checkpoint. */
function matches(
  context: Context,
  scope: Scope,
  type: ModelType,
  { path }: Ast.Selector,
  { linear, layer }: Selected,
): boolean {
  const [first, ...rest] = path;
  if (!first) return false;
  if (path.length === 1 && first.name.text === "linear") return true;
  const kind = kindNamed(type, first.name.text);
  if (kind) {
    if (layer === null || !isOf(kind, layer) || !inRange(context, scope, first, layer)) return false;
    return (
      rest.length === 0 ||
      matchesPath(
        rest.map(({ name }) => name.text),
        linear,
      )
    );
  }
  return matchesPath(
    path.map(({ name }) => name.text),
    linear,
  );
}

/** Whether the bounds of a range of blocks are blocks of this model. */
function checkRange(context: Context, scope: Scope, type: ModelType, { path: [first] }: Ast.Selector): boolean {
  const kind = first && kindNamed(type, first.name.text);
  const [least, most] = [kind && known(kind.from), kind && known(kind.to)];
  if (!first?.range || least === undefined || most === undefined) return true;
  const { from, to } = first.range;
  const bounds = [[from, to ? 0 : 1] as const, ...(to ? [[to, 0] as const] : [])];
  return bounds.every(([expression, inside]) => {
    const found = compileTimeNumber(context, operand(context, scope, expression));
    if (found?.real == null) return false;
    if (Number.isInteger(found.real) && found.real >= least && found.real <= most - inside) return true;
    const range = `a whole number from ${least} to ${most - inside}: the model has ${most - least}`;
    const what = to ? `a bound of \`${first.name.text}\`` : `\`${first.name.text}\``;
    report(context, { kind: "out-of-range", span: expression.span, what, value: String(found.real), range });
    return false;
  });
}

function inRange(context: Context, scope: Scope, { range }: Ast.Selector["path"][number], layer: number): boolean {
  if (!range) return true;
  const bound = (expression: Ast.Expression) =>
    compileTimeNumber(context, operand(context, scope, expression))?.real ?? 0;
  const from = bound(range.from);
  return range.to ? layer >= from && layer < bound(range.to) : layer === from;
}

function matchesPath(wanted: readonly string[], { name, at }: Linear): boolean {
  if (wanted.length === 1 && (wanted[0] === "*" || wanted[0] === name)) return true;
  const path = at
    .slice(at.lastIndexOf("}") + 1)
    .split(".")
    .filter((part) => part !== "");
  return wanted.length === path.length && wanted.every((part, i) => part === "*" || part === path[i]);
}
