/**
 * What an adapter gives that rewrites nothing, to the bit: every primitive rounded once to f32, every sum in the order that
 * "Order of sums" of ARCHITECTURE.md promises, `fma` rounded twice as software adapters do.
 */

import { productOf } from "../../compiler/fuse/roles.ts";
import { interpretNode } from "../../compiler/graph/interpret.ts";
import { offsets, strides } from "../../compiler/graph/offsets.ts";
import type { NodeOf } from "../../compiler/graph/ops.ts";
import { count } from "../../compiler/graph/type.ts";
import { simplify } from "../../compiler/rewrite/simplify.ts";
import { sumsFirst } from "../../compiler/rewrite/sums-first.ts";
import { accumulatedTwice } from "./run.ts";
import type { Case } from "./sketch.ts";

/** The outputs by name, as a run of the case leaves them. Holds for sums, products, and what does not round. */
export function exactly({ graph, inputs }: Case): ReadonlyMap<string, Float64Array> {
  const given = new Map([...inputs].map(([name, values]) => [name, values.map(Math.fround)]));
  const { nodes, outputs } = sumsFirst(simplify(graph));
  const values: Float64Array[] = [];
  for (const node of nodes) {
    const isSum = node.op === "reduce" && node.attrs.by === "sum" && node.type.dtype === "f32";
    values.push((isSum ? sum(node, values) : interpretNode(node, values, given)).map(Math.fround));
  }
  return new Map(
    outputs.map(({ name, node, accumulate }) => {
      const value = values[node.id] ?? new Float64Array();
      return [name, accumulate === undefined ? value : accumulatedTwice(accumulate, value, Math.fround)];
    }),
  );
}

const partials = 64;

function sum(node: NodeOf<"reduce">, values: readonly Float64Array[]): Float64Array {
  const { dims } = node.inputs[0].type;
  const from = values[node.inputs[0].id] ?? new Float64Array();
  const over = node.attrs.over.flatMap((name) => dims.filter((dim) => dim.name === name));
  const isInterleaved = productOf(node) === undefined && count({ dims: over }) > partials;
  const inner = isInterleaved ? dims.filter((dim) => over.includes(dim)) : over;
  const terms = [...offsets(inner, strides(dims))];
  const add = isInterleaved ? interleaved : ascending;
  return Float64Array.from(offsets(node.type.dims, strides(dims)), (start) =>
    add(terms.map((offset) => from[start + offset] ?? Number.NaN)),
  );
}

const ascending = (terms: readonly number[]): number => terms.reduce((sum, term) => Math.fround(sum + term), -0);

function interleaved(terms: readonly number[]): number {
  let parts = Array.from({ length: partials }, (_, part) => ascending(terms.filter((_, i) => i % partials === part)));
  while (parts.length > 1) {
    const half = parts.length / 2;
    parts = parts.slice(0, half).map((part, i) => Math.fround(part + (parts[i + half] ?? Number.NaN)));
  }
  return parts[0] ?? Number.NaN;
}
