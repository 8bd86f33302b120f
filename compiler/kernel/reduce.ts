/** Reductions inside one invocation, in the order of the graph. */
import { partials } from "./evaluate.ts";
import type { ReduceScalar, Reduction } from "./scalar.ts";
import { combined, type Helper, typeName, type Width } from "./wgsl.ts";
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

/** What variables that hold results are called; not as functions are. */
export const resultNames: Readonly<Record<Reduction, string>> = {
  sum: "sum",
  max: "greatest",
  min: "least",
  argmax: "place",
};

/** What a reduction of no term gives. */
export function startOf({ by, body }: ReduceScalar, width: Width, out: Writer): string {
  const text = first[by][body.dtype === "bool" ? "u32" : body.dtype](out.use);
  return width === 1 ? text : `${typeName(body.dtype, 4)}(${text})`;
}

/** One loop for all; interleaved sums keep their partial sums in an array. */
export const writeSequentially: WriteReduces = ({ over, isInterleaved, reduces }, out) => {
  const results = reduces.map((x) => {
    const type = typeName(x.body.dtype, out.widthOf(x));
    const name = out.fresh(resultNames[x.by]);
    if (isInterleaved) {
      out.line(`var ${name}_partial: array<${type}, ${partials}>;`);
      out.line(`for (var i = 0u; i < ${partials}u; i++) { ${name}_partial[i] = ${startOf(x, out.widthOf(x), out)}; }`);
    } else out.line(`var ${name} = ${startOf(x, out.widthOf(x), out)};`);
    if (x.by === "argmax") out.line(`var ${name}_at = ${typeName("i32", out.widthOf(x))}(0);`);
    return name;
  });
  const counter = out.fresh(variableName(over));
  out.open(`for (var ${counter} = 0u; ${counter} < ${over.size}u; ${counter}++)`, new Map([[over, counter]]));
  for (const [i, x] of reduces.entries())
    writeTerm(out, x, {
      into: isInterleaved ? `${results[i]}_partial[${counter} % ${partials}u]` : (results[i] ?? ""),
      counter,
      width: out.widthOf(x),
    });
  out.close();
  if (isInterleaved) for (const [i, x] of reduces.entries()) writeHalving(out, x, results[i] ?? "");
  return results.map((name, i) => (reduces[i]?.by === "argmax" ? `${name}_at` : name));
};

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
