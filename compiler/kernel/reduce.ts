/** Reductions inside one invocation, in the order of the graph. */
import { partials } from "./evaluate.ts";
import type { ReduceScalar, Reduction } from "./scalar.ts";
import { type Helper, typeName, type Width } from "./wgsl.ts";
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

/** `into` combined with one more term. */
export const combined = (by: Reduction, into: string, term: string): string =>
  by === "sum" ? `${into} + ${term}` : `${by}(${into}, ${term})`;

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
    writeTerm(out, x, isInterleaved ? `${results[i]}_partial[${counter} % ${partials}u]` : (results[i] ?? ""), counter);
  out.close();
  if (isInterleaved) for (const [i, x] of reduces.entries()) writeHalving(out, x, results[i] ?? "");
  return results.map((name, i) => (reduces[i]?.by === "argmax" ? `${name}_at` : name));
};

/** Of equals the first stays. A NaN is never greater. */
function writeTerm(out: Writer, x: ReduceScalar, into: string, counter: string): void {
  const term = out.widthOf(x) === 4 ? out.wide(x.body) : out.value(x.body);
  if (x.by !== "argmax") {
    out.line(`${into} = ${combined(x.by, into, term)};`);
    return;
  }
  const value = out.fresh("term");
  out.line(`let ${value} = ${term};`);
  out.line(`${into}_at = select(${into}_at, ${typeName("i32", out.widthOf(x))}(i32(${counter})), ${value} > ${into});`);
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
