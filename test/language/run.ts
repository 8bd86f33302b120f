/** The last function of a text, compiled with the sizes that its header gives, and run by the float64 interpreter. */

import { check } from "../../compiler/check.ts";
import { interpret } from "../../compiler/graph/interpret.ts";
import { type Maker, maker } from "../../compiler/graph/make.ts";
import { count, showType } from "../../compiler/graph/type.ts";
import type { Host } from "../../compiler/host.ts";
import { type Context, newContext } from "../../compiler/language/context.ts";
import { declareModules } from "../../compiler/language/declare.ts";
import { applyFunction } from "../../compiler/language/evaluate.ts";
import { resolve } from "../../compiler/language/resolve.ts";
import { declareDimension, findDimension, scopeIn } from "../../compiler/language/scope.ts";
import { fixed } from "../../compiler/language/size.ts";
import { graphDims } from "../../compiler/language/tensor.ts";
import { type Operand, showValue, type Value } from "../../compiler/language/value.ts";
import type * as Ast from "../../grammar/ast.ts";
import { accepted, type Diagnostic } from "../../grammar/diagnostic.ts";
import { library } from "../given/library.ts";

/** The library and some files that are not on disk. */
export const hostWith = (files: Readonly<Record<string, string>>): Host => ({
  library: library.library,
  read: (module) => {
    const text = files[module];
    return text === undefined ? library.read(module) : { path: module, text };
  },
});

/** What is wrong with a file that stands alone, or imports some others. */
export const diagnose = (source: string, files: Readonly<Record<string, string>> = {}): readonly Diagnostic[] =>
  check(hostWith({ ...files, "own.lcomp": source }), "own.lcomp").problems;

/** The ids of that, each as often as it occurs. */
export const problemsOf = (source: string, files: Readonly<Record<string, string>> = {}): readonly string[] =>
  diagnose(source, files).map(({ id }) => id);

/**
 * What the last function gives, as `f32[row: 2] 3 7`, in the graph's order of dimensions; a record as one line per field. A
 * tensor that `inputs` does not name holds 1, 2, 3 … Problems are `id` and title, one a line.
 */
export function run(source: string, inputs: Readonly<Record<string, readonly number[]>> = {}): string {
  const graphs = maker();
  const context = newContext(graphs);
  const file = { path: "own.lcomp", text: source };
  const modules = accepted(resolve(library, file));
  const declared = declareModules(context, modules);
  const fn = modules.at(-1)?.tree.declarations.findLast((declaration) => declaration.kind === "fn");
  const scope = declared.scopes.get("own.lcomp");
  if (!fn || !scope) throw new Error("the text declares no function");
  const given = new Map<string, readonly number[]>();
  const values = new Map<string, Operand>();
  const caller = scopeIn(scope);
  for (const { name, type, span } of fn.parameters) {
    if (type?.kind !== "tensor-type") continue;
    const dims = type.dims.flatMap((dim) => (dim.kind === "dim-name" ? [dimension(dim, caller)] : []));
    const node = inputNode(context, name.text, type.element.text as "f32", graphDims(dims), span);
    if (!node) continue;
    given.set(name.text, inputs[name.text] ?? Array.from({ length: count(node.type) }, (_, i) => i + 1));
    values.set(name.text, { value: { kind: "tensor", dtype: type.element.text as "f32", dims, node }, span });
  }
  const bound = { scope: caller, values, dims: new Map(), mappings: new Map(), rows: new Map() };
  const result = applyFunction({ context, scope: caller, span: fn.span }, fn, scope, bound);
  if (context.found.length > 0) return context.found.map(({ problem }) => problem.kind).join("\n");
  return show(graphs, result, given);
}

function dimension({ name, size }: Ast.NamedDim, scope: ReturnType<typeof scopeIn>) {
  const old = findDimension(scope, name.text);
  if (old) return old;
  if (size?.kind !== "number") throw new Error(`${name.text} needs a size`);
  return declareDimension(scope, name.text, fixed(size.value), "the header");
}

const inputNode = (
  context: Context,
  name: string,
  dtype: "f32" | "i32" | "bool",
  dims: ReturnType<typeof graphDims>,
  span: Ast.Fn["span"],
) => context.maker.make("input", [], { name, type: { dtype, dims }, role: "data" }, span);

function show(graphs: Maker, value: Value, inputs: ReadonlyMap<string, readonly number[]>): string {
  if (value.kind === "record")
    return [...value.fields].map(([name, field]) => `${name}: ${show(graphs, field, inputs)}`).join("\n");
  if (value.kind !== "tensor" || !value.node) return showValue(value);
  const result = interpret(graphs.graph("run", [{ name: "result", node: value.node }]), inputs).get("result");
  const numbers = [...(result ?? [])].map((x) => Number(x.toPrecision(6)));
  return `${showType(value.node.type)} ${numbers.join(" ")}`;
}
