/** Reductions inside one invocation, in the order of the graph. */
import type { Variable } from "../index/affine.ts";
import { partials } from "./evaluate.ts";
import type { ReduceScalar, Reduction } from "./scalar.ts";
import { combined, type Helper, resultNames, typeName, type Width } from "./wgsl.ts";
import { variableName, type WriteReduces, type Writer } from "./writer.ts";

/**
 * Sums start from -0, the only float that adds nothing to any other, and behind a fence: Mesa would leave it out, and then turn
 * (a · b + c · d) + e into a · b + (c · d + e).
 */
const first: Readonly<Record<Reduction, Readonly<Record<"f32" | "i32" | "u32", (use: Use) => string>>>> = {
  sum: { f32: (use) => `${use("fence")}(${use("negative_zero")}())`, i32: () => "0i", u32: () => "0u" },
  max: { f32: (use) => `-${use("infinity")}()`, i32: () => "i32(-2147483648)", u32: () => "0u" },
  min: { f32: (use) => `${use("infinity")}()`, i32: () => "2147483647i", u32: () => "4294967295u" },
  argmax: { f32: (use) => `-${use("infinity")}()`, i32: () => "i32(-2147483648)", u32: () => "0u" },
};

type Use = (helper: Helper) => string;

/** What a reduction of no term gives. */
export function startOf({ by, body }: ReduceScalar, width: Width, out: Writer): string {
  const text = first[by][body.dtype === "bool" ? "u32" : body.dtype](out.use);
  return width === 1 ? text : `${typeName(body.dtype, 4)}(${text})`;
}

/** One loop for all; interleaved sums keep their partial sums in an array. */
export const writeSequentially: WriteReduces = ({ over, isInterleaved, reduces }, out) => {
  const named = reduces.map((x) => ({ x, name: out.fresh(resultNames[x.by]) }));
  const counter = out.fresh(variableName(over));
  const bound = new Map([[over, counter]]);
  if (isInterleaved) {
    const part = out.fresh("part");
    for (const { x, name } of named)
      out.line(`var ${name}_partial: array<${typeName(x.body.dtype, out.widthOf(x))}, ${partials}>;`);
    out.open(`for (var ${part} = 0u; ${part} < ${partials}u; ${part}++)`, new Map());
    writeLoop(
      out,
      named,
      `for (var ${counter} = ${part}; ${counter} < ${over.size}u; ${counter} += ${partials}u)`,
      bound,
    );
    for (const { name } of named) out.line(`${name}_partial[${part}] = ${name};`);
    out.close();
    for (const { x, name } of named) writeHalving(out, x, name);
  } else writeLoop(out, named, `for (var ${counter} = 0u; ${counter} < ${over.size}u; ${counter}++)`, bound);
  return named.map(({ x, name }) => (x.by === "argmax" ? `${name}_at` : name));
};

interface Named {
  readonly x: ReduceScalar;
  readonly name: string;
}

/** The variables of the results, and the loop that adds the terms to them. */
function writeLoop(out: Writer, named: readonly Named[], head: string, bound: ReadonlyMap<Variable, string>): void {
  for (const { x, name } of named) {
    out.line(`var ${name} = ${startOf(x, out.widthOf(x), out)};`);
    if (x.by === "argmax") out.line(`var ${name}_at = ${typeName("i32", out.widthOf(x))}(0);`);
  }
  out.open(head, bound);
  const [counter = ""] = bound.values();
  for (const { x, name } of named) writeTerm(out, x, { into: name, counter, width: out.widthOf(x) });
  out.close();
}

/** Where a term goes, and its number. */
interface Term {
  readonly into: string;
  readonly counter: string;
  readonly width: Width;
}

/** Of equals the first stays. A NaN is never greater. */
export function writeTerm(out: Writer, x: ReduceScalar, { into, counter, width }: Term): void {
  const term = out.term(x.body, width);
  if (x.by !== "argmax") {
    out.line(`${into} = ${combined(x.by, into, term)};`);
    return;
  }
  const value = out.fresh("term");
  out.line(`let ${value} = ${term};`);
  out.line(`${into}_at = select(${into}_at, ${typeName("i32", width)}(i32(${counter})), ${value} > ${into});`);
  out.line(`${into} = max(${into}, ${value});`);
}

function writeHalving(out: Writer, x: ReduceScalar, name: string): void {
  out.line(`for (var half = ${partials / 2}u; half > 0u; half /= 2u) {`);
  out.line(
    `  for (var i = 0u; i < half; i++) { ${name}_partial[i] = ${combined(x.by, `${name}_partial[i]`, `${name}_partial[i + half]`)}; }`,
  );
  out.line("}");
  out.line(`let ${name} = ${name}_partial[0];`);
}
