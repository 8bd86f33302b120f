/**
 * Reductions that the invocations of a subgroup or workgroup share, in the graph's order: 64 interleaved parts, then halves.
 * Which invocation has which parts changes nothing.
 */
import { partials } from "./evaluate.ts";
import { combined, resultNames, startOf } from "./reduce.ts";
import type { ReduceScalar } from "./scalar.ts";
import type { Width } from "./wgsl.ts";
import { variableName, type Writer } from "./writer.ts";

/** How invocations exchange. */
export interface Sharing {
  readonly kind: "subgroup" | "workgroup";
  readonly lanes: number;
  /** Each invocation takes four neighbouring terms at a time. */
  readonly isWide: boolean;
  /** Declarations of workgroup memory, to be written above `main`. */
  readonly memory: string[];
}

/** The loop over the terms, with `others` once for each, and the exchange; gives the name of each result. */
export function writeShared(
  reduces: readonly ReduceScalar[],
  out: Writer,
  sharing: Sharing,
  others: () => void,
): readonly string[] {
  const width = sharing.isWide ? 4 : 1;
  const count = partials / (sharing.lanes * width);
  const results = reduces.map((x) => out.fresh(resultNames[x.by]));
  const part = (i: number, j: number): string => `${results[i]}${j}`;
  for (const [i, x] of reduces.entries()) for (let j = 0; j < count; j++) writeStart(out, x, part(i, j), width);
  writeLoop(reduces, out, sharing, { part, others });
  return reduces.map((x, i) => {
    for (let half = count / 2; half >= 1; half /= 2)
      for (let j = 0; j < half; j++) writeCombine(out, x, part(i, j), part(i, j + half));
    return sharing.kind === "subgroup"
      ? exchangeInSubgroup(out, x, part(i, 0), sharing)
      : exchangeInWorkgroup(out, x, part(i, 0), sharing);
  });
}

/** The four indices that a quarter stands for. */
export const fourFrom = (quarter: string): string => `(${quarter} * 4u + vec4u(0u, 1u, 2u, 3u))`;

interface Terms {
  /** The variable of part j of reduction i. */
  readonly part: (i: number, j: number) => string;
  readonly others: () => void;
}

/** Runs of 64 terms, then what is left of them. */
function writeLoop(reduces: readonly ReduceScalar[], out: Writer, sharing: Sharing, terms: Terms): void {
  const [{ over } = { over: { name: "", size: 0, turn: 0 } }] = reduces;
  const width = sharing.isWide ? 4 : 1;
  const run = partials / width;
  const steps = over.size / width;
  const whole = steps - (steps % run);
  const write = (base: string, limit: number): void => {
    for (let j = 0; j * sharing.lanes < limit; j++) writeTerms(reduces, out, sharing, { ...terms, base, j, limit });
  };
  if (whole > 0) {
    const base = out.fresh("start");
    out.open(`for (var ${base} = 0u; ${base} < ${whole}u; ${base} += ${run}u)`, new Map());
    write(base, run);
    out.close();
  }
  if (whole < steps) write(`${whole}u`, steps - whole);
}

interface Run extends Terms {
  /** Text of the first step of the run, which has `limit` steps. */
  readonly base: string;
  readonly limit: number;
  /** Which part of the run. */
  readonly j: number;
}

/** Each invocation's term of part j, or its four. */
function writeTerms(
  reduces: readonly ReduceScalar[],
  out: Writer,
  { lanes, isWide }: Sharing,
  { part, others, base, limit, j }: Run,
): void {
  const [{ over } = { over: { name: "", size: 0, turn: 0 } }] = reduces;
  const name = out.fresh(variableName(over));
  const counter = isWide ? out.fresh(`${name}_quarter`) : name;
  const bound = new Map([[over, isWide ? fourFrom(counter) : name]]);
  const isGuarded = limit < (j + 1) * lanes;
  out.open(
    isGuarded ? `if (lane < ${limit - j * lanes}u)` : "",
    bound,
    isWide ? { variable: over, quarter: counter } : undefined,
  );
  out.line(`let ${counter} = ${base}${j === 0 ? "" : ` + ${j * lanes}u`} + lane;`);
  for (const [i, x] of reduces.entries()) writeTerm(out, x, part(i, j), name);
  others();
  out.close();
}

function writeStart(out: Writer, x: ReduceScalar, name: string, width: Width): void {
  out.line(`var ${name} = ${startOf(x, width, out)};`);
  if (x.by === "argmax") out.line(`var ${name}_at = 0i;`);
}

function writeTerm(out: Writer, x: ReduceScalar, into: string, counter: string): void {
  const term = out.wide(x.body);
  if (x.by === "argmax") out.line(`if (${term} > ${into}) { ${into} = ${term}; ${into}_at = i32(${counter}); }`);
  else out.line(`${into} = ${combined(x.by, into, term)};`);
}

/** Of equals the first stays. */
function writeCombine(out: Writer, x: ReduceScalar, into: string, other: string): void {
  if (x.by !== "argmax") out.line(`${into} = ${combined(x.by, into, other)};`);
  else
    out.line(
      `if (${other} > ${into} || (${other} == ${into} && ${other}_at < ${into}_at)) { ${into} = ${other}; ${into}_at = ${other}_at; }`,
    );
}

/** Terms four apart lie in neighbouring lanes if each takes four. */
function exchangeInSubgroup(out: Writer, x: ReduceScalar, name: string, { lanes, isWide }: Sharing): string {
  for (let half = lanes / 2; half >= 1; half /= 2) {
    const other = out.fresh("other");
    out.line(`let ${other} = subgroupShuffleXor(${name}, ${half}u);`);
    if (x.by === "argmax") out.line(`let ${other}_at = subgroupShuffleXor(${name}_at, ${half}u);`);
    writeCombine(out, x, name, other);
  }
  if (!isWide) return x.by === "argmax" ? `${name}_at` : name;
  const pair = out.fresh("pair");
  out.line(`let ${pair} = ${combined(x.by, `${name}.xy`, `${name}.zw`)};`);
  const whole = out.fresh("whole");
  out.line(`let ${whole} = ${combined(x.by, `${pair}.x`, `${pair}.y`)};`);
  return whole;
}

function exchangeInWorkgroup(out: Writer, x: ReduceScalar, name: string, { lanes, memory }: Sharing): string {
  const isPlace = x.by === "argmax";
  const shared = `shared_${name}`;
  memory.push(`var<workgroup> ${shared}: array<${x.body.dtype}, ${lanes}>;`);
  if (isPlace) memory.push(`var<workgroup> ${shared}_at: array<i32, ${lanes}>;`);
  const keep = isPlace ? `${shared}[lane] = ${name}; ${shared}_at[lane] = ${name}_at;` : `${shared}[lane] = ${name};`;
  for (let half = lanes / 2; half >= 1; half /= 2) {
    out.line(keep);
    out.line("workgroupBarrier();");
    out.open(`if (lane < ${half}u)`, new Map());
    out.line(`let other = ${shared}[lane + ${half}u];`);
    if (isPlace) out.line(`let other_at = ${shared}_at[lane + ${half}u];`);
    writeCombine(out, x, name, "other");
    out.close();
    if (half > 1) out.line("workgroupBarrier();");
  }
  out.line(`if (lane == 0u) { ${keep} }`);
  out.line("workgroupBarrier();");
  const whole = out.fresh("whole");
  out.line(`let ${whole} = ${shared}${isPlace ? "_at" : ""}[0];`);
  return whole;
}
