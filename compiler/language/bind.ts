/** Arguments: which parameter each is for, and what it gives. */
import type * as Ast from "../../grammar/ast.ts";
import { type Span, textAt } from "../../grammar/source.ts";
import { type Context, report } from "./context.ts";
import { areDistinct } from "./names.ts";
import { beside, dimensionsNamed, noteUse, reportDimension } from "./scope.ts";
import type { Evaluate } from "./signature.ts";
import type { Bound, DimensionsGiven, Mapping, Operand, Parameter, Row, Scope } from "./value.ts";

/** Where arguments stand; `form` is how such a call is written, where its parameters do not say it all. */
export interface Called {
  readonly context: Context;
  readonly scope: Scope;
  readonly span: Span;
  readonly of: string;
  readonly form?: string | undefined;
}

interface Binding {
  readonly called: Called;
  readonly parameters: readonly Parameter[];
  readonly evaluate: Evaluate;
  readonly values: Map<string, Operand>;
  readonly dims: Map<string, DimensionsGiven>;
  readonly mappings: Map<string, Mapping>;
  readonly rows: Map<string, Row>;
  /** Where the next argument stands: it sees the dimensions of those before it. */
  scope: Scope;
}

/** Matches arguments with parameters by name and position; null if that fails, or one is wrong. */
export function bindArguments(
  called: Called,
  parameters: readonly Parameter[],
  written: readonly Ast.Argument[],
  evaluate: Evaluate,
): Bound | null {
  const maps = { values: new Map(), dims: new Map(), mappings: new Map(), rows: new Map() };
  const binding: Binding = { called, parameters, evaluate, ...maps, scope: called.scope };
  const isRow = parameters[0]?.takes === "row";
  const areGood = isRow
    ? bindRow(binding, written)
    : written.map((argument) => bindArgument(binding, argument)).every(Boolean);
  return areGood && isComplete(binding) ? binding : null;
}

/** Values for parameters, where no call is written. */
export const given = (scope: Scope, values: ReadonlyMap<string, Operand>): Bound => ({
  scope,
  values,
  dims: new Map(),
  mappings: new Map(),
  rows: new Map(),
});

/** The place of what a parameter was given already. */
const takenBy = ({ values, dims, mappings }: Binding, { name }: Parameter): Span | undefined =>
  (values.get(name.text) ?? dims.get(name.text) ?? mappings.get(name.text))?.span;

/** Reports each parameter that is given nothing and has nothing of its own. */
function isComplete(binding: Binding): boolean {
  const { called, parameters } = binding;
  const isNeeded = ({ value, takes, isOptional }: Parameter): boolean => !value && takes !== "row" && !isOptional;
  const missing = parameters.filter((each) => isNeeded(each) && !takenBy(binding, each));
  for (const { name, label, type, takes } of missing) {
    if (takes) misfit(called, parameters);
    else {
      const [shown, typed] = [label ? `${label} ${name.text}` : name.text, type ? textAt(type.span) : ""];
      const { context, span, of } = called;
      report(context, { kind: "missing-parameter", span, of, name: shown, type: typed, form: formOf(of, parameters) });
    }
  }
  return missing.length === 0;
}

/** Says how the call is written; false. */
function misfit({ context, span, of, form }: Called, parameters: readonly Parameter[]): false {
  report(context, { kind: "wrong-arguments", span, of, form: form ?? formOf(of, parameters) });
  return false;
}

/** False if the argument fits no parameter or is itself wrong. */
function bindArgument(binding: Binding, argument: Ast.Argument): boolean {
  const { values, mappings, called, parameters } = binding;
  const parameter = parameterFor(binding, argument);
  if (!parameter) return false;
  const name = parameter.name.text;
  switch (argument.kind) {
    case "over":
      return bindDims(binding, name, argument.dims, argument.span);
    case "mapping": {
      const found = mappingOf(binding, argument);
      if (found) mappings.set(name, found);
      return found !== null;
    }
    case "value": {
      const { value } = argument;
      if (parameter.takes === "dimension")
        return value.kind === "name" ? bindDims(binding, name, [value], argument.span) : misfit(called, parameters);
      const given = evaluateNext(binding, value);
      values.set(name, given);
      return given.value.kind !== "wrong";
    }
  }
}

function evaluateNext(binding: Binding, value: Ast.Expression): Operand {
  const given = binding.evaluate(binding.called.context, binding.scope, value);
  binding.scope = beside(binding.scope, given.value);
  return given;
}

/** The dimensions that names stand for; a `Dim` parameter may stand for several. What is wrong before may be why one is not there. */
function bindDims(binding: Binding, parameter: string, names: readonly Ast.Name[], span: Span): boolean {
  const { context } = binding.called;
  if ([...binding.values.values()].some(({ value }) => value.kind === "wrong")) return false;
  const found: [DimensionsGiven["dims"][number], Ast.Name][] = [];
  for (const name of names) {
    const named = dimensionsNamed(binding.scope, name.text);
    if (!named) {
      reportDimension(context, binding.scope, name);
      return false;
    }
    noteUse(context, binding.scope, name);
    const first = found.find(([dim]) => named.some(({ id }) => id === dim.id))?.[1];
    if (first) {
      report(context, { kind: "duplicate-name", span: name.span, name: name.text, first: first.span });
      return false;
    }
    found.push(...named.map((dim) => [dim, name] as [typeof dim, Ast.Name]));
  }
  binding.dims.set(parameter, { dims: found.map(([dim]) => dim), names: found.map(([, name]) => name), span });
  return true;
}

/** Names are distinct on either side; sizes are evaluated. */
function mappingOf(binding: Binding, { from, to, span }: Ast.MappingArgument): Mapping | null {
  const { context } = binding.called;
  const made = to.map(({ name }) => name);
  if (![from, made].every((names) => areDistinct(context, names))) return null;
  const parts = to.map((part) => ({ ...part, size: part.size ? evaluateNext(binding, part.size) : null }));
  return parts.some(({ size }) => size?.value.kind === "wrong") ? null : { from, to: parts, span };
}

/** `half: a, b`: the first has the name of all. */
function bindRow(binding: Binding, given: readonly Ast.Argument[]): boolean {
  const { called, parameters, rows } = binding;
  const [first, ...more] = given.filter((argument) => argument.kind === "value");
  if (!first?.name || more.some(({ name }) => name) || 1 + more.length < given.length)
    return misfit(called, parameters);
  const items = [first, ...more].map(({ value }) => evaluateNext(binding, value));
  for (const { name } of parameters) rows.set(name.text, { name: first.name, items });
  return items.every(({ value }) => value.kind !== "wrong");
}

/** `wanda(sparsity: Sparsity = 50%)`: how a call may look. */
function formOf(of: string, parameters: readonly Parameter[]): string {
  const shown = parameters.map(({ label, name: { text: name }, type, value, isOptional }) =>
    [
      label && `${label} `,
      isOptional ? `[${name}]` : name,
      type && `: ${textAt(type.span)}`,
      value && ` = ${textAt(value.span)}`,
    ].join(""),
  );
  return `${of}(${shown.join(", ")})`;
}

/** The first parameter that such an argument may be for, and that has none yet; null, and a problem, if there is none. */
function parameterFor(binding: Binding, argument: Ast.Argument): Parameter | null {
  const { called, parameters } = binding;
  const { context, of } = called;
  const { span } = argument;
  const label = argument.kind === "over" ? argument.label : undefined;
  const wanted = argument.kind === "value" ? argument.name : undefined;
  const isMapping = argument.kind === "mapping";
  const fitting = parameters.filter((each) => each.label === label && (each.takes === "mapping") === isMapping);
  const meant = wanted ? fitting.filter(({ name }) => name.text === wanted.text) : fitting;
  const found = meant.find((each) => !takenBy(binding, each));
  if (found) return found;
  const form = called.form ?? formOf(of, parameters);
  const name = wanted?.text ?? (label && `${label} …`);
  const [again] = name ? meant : [];
  const first = again && takenBy(binding, again);
  if (called.form) misfit(called, parameters);
  else if (name && !first) {
    const known = parameters.map((each) => each.name.text);
    report(context, { kind: "unknown-parameter", span, of, name, known, form });
  } else {
    const surplus = name ?? textAt(span);
    report(context, { kind: "wrong-arguments", span, of, surplus, ...(first && { first }), form });
  }
  return null;
}
