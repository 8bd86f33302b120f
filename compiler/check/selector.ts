/** Selectors: which linear layers of a model a stage works on. */
import type * as Ast from "../../grammar/ast.ts";
import type { ArchInstance, Linear } from "./arch.ts";
import { type Context, report, type Scope } from "./context.ts";
import { compileTimeNumber, operand } from "./expression.ts";
import { known } from "./size.ts";

export interface Selected {
  readonly linear: Linear;
  /** The block, or null outside the blocks. */
  readonly layer: number | null;
}

/** The layers of `for a, except b`, in the order of the model; each selector must match something. */
export function select(
  context: Context,
  scope: Scope,
  instance: ArchInstance,
  { selector, except, span }: Ast.Stage,
): Selected[] {
  const all = candidates(instance);
  const matching = (of: Ast.Selector): readonly Selected[] => {
    const found = all.filter((each) => matches(context, scope, instance, of, each));
    if (found.length === 0)
      report(context, { kind: "empty-selector", span: of.span, selector: text(of), known: names(instance) });
    return found;
  };
  const chosen = selector ? matching(selector) : all;
  const left = new Set(except.flatMap(matching));
  const selected = chosen.filter((each) => !left.has(each));
  if (selected.length === 0 && chosen.length > 0)
    report(context, {
      kind: "empty-selector",
      span: selector?.span ?? span,
      selector: selector ? text(selector) : "linear",
      known: names(instance),
    });
  for (const { linear } of selected) {
    if (!linear.tied) continue;
    report(context, {
      kind: "not-supported",
      span: selector?.span ?? span,
      what: `compressing \`${linear.name}\`, which shares its weight with \`${linear.tied}\`,`,
      hint: `add \`except ${linear.name}\``,
    });
    break;
  }
  return selected;
}

const text = ({ span }: Ast.Selector) => span.file.text.slice(span.start, span.end);

function candidates({ linears, blocks }: ArchInstance): Selected[] {
  const layers = blocks ? (known(blocks.count) ?? 0) : 0;
  const inside = linears.filter(({ inBlock }) => inBlock);
  const outside = linears.filter(({ inBlock }) => !inBlock).map((linear) => ({ linear, layer: null }));
  return [
    ...Array.from({ length: layers }, (_, layer) => inside.map((linear) => ({ linear, layer }))).flat(),
    ...outside,
  ];
}

const names = ({ linears, blocks }: ArchInstance): string[] => [
  ...(linears.length > 0 ? ["linear"] : []),
  ...(blocks ? [blocks.variable] : []),
  ...linears.map(({ name }) => name),
];

/** `linear`, `lm_head`, `layer[0 .. 3]`, `layer.gate`, `mlp.*`: by the architecture's names, or by those of the checkpoint. */
function matches(
  context: Context,
  scope: Scope,
  { blocks }: ArchInstance,
  { path }: Ast.Selector,
  { linear, layer }: Selected,
): boolean {
  const [first, ...rest] = path;
  if (!first) return false;
  if (path.length === 1 && first.name.text === "linear") return true;
  if (blocks && first.name.text === blocks.variable) {
    if (layer === null || !inRange(context, scope, first, layer)) return false;
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
