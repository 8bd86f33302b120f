/**
 * Reductions that the invocations of a subgroup or workgroup share, in the graph's order: 64 interleaved parts, then halves.
 * Which invocation has which parts changes nothing.
 */
import type { Variable } from "../index/affine.ts";
import { partials } from "./evaluate.ts";
import { quarterVariable } from "./fours.ts";
import { startOf, writeTerm } from "./reduce.ts";
import type { ReduceScalar } from "./scalar.ts";
import type { WideVariable } from "./scopes.ts";
import { expressionsOf } from "./uses.ts";
import { combined, elementary, resultNames, typeName, type Width } from "./wgsl.ts";
import { type Loop, variableName, type Writer } from "./writer.ts";

/** How invocations exchange. */
export interface Sharing {
  readonly kind: "subgroup" | "workgroup";
  readonly lanes: number;
  /** Neighbouring rows that a workgroup takes, each with as many lanes. */
  readonly rows: number;
  /** Each invocation takes four neighbouring terms at a time. */
  readonly isWide: boolean;
  /** Declarations of workgroup memory, to be written above `main`. */
  readonly memory: string[];
}

/** The loop over the terms, with `others` once for each, and the exchange; gives the name of each result. */
export function writeShared(loop: Loop, out: Writer, sharing: Sharing, others: () => void): readonly string[] {
  const { reduces } = loop;
  const width = sharing.isWide ? 4 : 1;
  const count = partials / (sharing.lanes * width);
  const results = reduces.map((x) => out.fresh(resultNames[x.by]));
  const part = (i: number, j: number): string => `${results[i]}${j}`;
  if (count === 1 || count * sizeOfText(reduces) > mostText) writeRolled(loop, out, sharing, { part, others, count });
  else writeUnrolled(loop, out, sharing, { part, others, count });
  return reduces.map((x, i) => {
    for (let half = count / 2; half >= 1; half /= 2)
      for (let j = 0; j < half; j++) writeCombine(out, x, part(i, j), part(i, j + half));
    return sharing.kind === "subgroup"
      ? exchangeInSubgroup(out, x, part(i, 0), sharing)
      : exchangeInWorkgroup(out, x, part(i, 0), sharing);
  });
}

/** A loop along a variable: what `Writer.open` takes, and the text of the counter of its steps, each of which may be four terms. */
interface Stepping {
  /** Of the term. */
  readonly name: string;
  readonly counter: string;
  readonly steps: number;
  readonly bound: ReadonlyMap<Variable, string>;
  readonly wide: WideVariable | undefined;
}

export function stepping(variable: Variable, out: Writer, isWide: boolean): Stepping {
  const name = out.fresh(variableName(variable));
  if (!isWide)
    return { name, counter: name, steps: variable.size, bound: new Map([[variable, name]]), wide: undefined };
  const counter = out.fresh(`${name}_quarter`);
  const quarter = quarterVariable(variable);
  const bound = new Map([
    [variable, `(${counter} * 4u + vec4u(0u, 1u, 2u, 3u))`],
    [quarter, counter],
  ]);
  return { name, counter, steps: quarter.size, bound, wide: { variable, quarter } };
}

interface Terms {
  /** The variable of part j of reduction i. */
  readonly part: (i: number, j: number) => string;
  /** Of parts that an invocation has. */
  readonly count: number;
  readonly others: () => void;
}

/** Operations that a loop may be unrolled to: SwiftShader needs minutes and gigabytes for thousands. */
const mostText = 200;

/** Operations in the text of a term; an elementary function has some twenty. */
function sizeOfText(reduces: readonly ReduceScalar[]): number {
  const parts = expressionsOf(reduces.map(({ body }) => body));
  return parts.reduce(
    (sum, x) => sum + (x.kind === "reduce" || (x.kind === "apply" && elementary.has(x.op)) ? 20 : 1),
    0,
  );
}

/** One part after the other, so that a term is written once. */
function writeRolled(loop: Loop, out: Writer, sharing: Sharing, terms: Terms): void {
  const { reduces } = loop;
  const { part, others, count } = terms;
  const width = sharing.isWide ? 4 : 1;
  if (count === 1) {
    for (const [i, x] of reduces.entries()) writeStart(out, x, part(i, 0), width);
    writeStrided(loop, out, sharing, { first: "lane", accumulator: (i) => part(i, 0), others });
    return;
  }
  const own = reduces.map((_, i) => out.fresh(`${part(i, 0)}_part`));
  for (const [i, x] of reduces.entries()) writeArray(out, x, `${own[i]}s`, count, width);
  out.open(`for (var j = 0u; j < ${count}u; j++)`, new Map());
  for (const [i, x] of reduces.entries()) writeStart(out, x, `${own[i]}`, width);
  writeStrided(loop, out, sharing, { first: `j * ${sharing.lanes}u + lane`, accumulator: (i) => `${own[i]}`, others });
  for (const [i, x] of reduces.entries())
    copyPart(out, x, [`${own[i]}s[j]`, `${own[i]}s_at[j]`], [`${own[i]}`, `${own[i]}_at`]);
  out.close();
  for (const [i, x] of reduces.entries())
    for (let j = 0; j < count; j++)
      copyPart(out, x, [`var ${part(i, j)}`, `var ${part(i, j)}_at`], [`${own[i]}s[${j}]`, `${own[i]}s_at[${j}]`]);
}

interface Strided {
  /** Text of the first position. */
  readonly first: string;
  /** The variable that reduction i adds up in. */
  readonly accumulator: (i: number) => string;
  readonly others: () => void;
}

/** A loop over every 64th term. */
function writeStrided(
  { over, reduces }: Loop,
  out: Writer,
  { isWide }: Sharing,
  { first, accumulator, others }: Strided,
): void {
  const { name, counter, steps, bound, wide } = stepping(over, out, isWide);
  const stride = partials / (isWide ? 4 : 1);
  out.open(`for (var ${counter} = ${first}; ${counter} < ${steps}u; ${counter} += ${stride}u)`, bound, wide);
  for (const [i, x] of reduces.entries())
    writeTerm(out, x, { into: accumulator(i), counter: name, width: isWide ? 4 : 1 });
  others();
  out.close();
}

function writeArray(out: Writer, x: ReduceScalar, name: string, count: number, width: Width): void {
  out.line(`var ${name}: array<${typeName(x.body.dtype, width)}, ${count}>;`);
  if (x.by === "argmax") out.line(`var ${name}_at: array<i32, ${count}>;`);
}

/** The value, and the place of an argmax. */
function copyPart(out: Writer, { by }: ReduceScalar, into: readonly string[], from: readonly string[]): void {
  out.line(`${into[0]} = ${from[0]};`);
  if (by === "argmax") out.line(`${into[1]} = ${from[1]};`);
}

/** Runs of 64 terms, then what is left of them. */
function writeUnrolled(loop: Loop, out: Writer, sharing: Sharing, terms: Terms): void {
  const { over, reduces } = loop;
  for (const [i, x] of reduces.entries())
    for (let j = 0; j < terms.count; j++) writeStart(out, x, terms.part(i, j), sharing.isWide ? 4 : 1);
  const width = sharing.isWide ? 4 : 1;
  const run = partials / width;
  const steps = over.size / width;
  const whole = steps - (steps % run);
  const write = (base: string, limit: number): void => {
    for (let j = 0; j * sharing.lanes < limit; j++) writeTerms(loop, out, sharing, { ...terms, base, j, limit });
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
  { over, reduces }: Loop,
  out: Writer,
  { lanes, isWide }: Sharing,
  { part, others, base, limit, j }: Run,
): void {
  const { name, counter, bound, wide } = stepping(over, out, isWide);
  const isGuarded = limit < (j + 1) * lanes;
  out.open(isGuarded ? `if (lane < ${limit - j * lanes}u)` : "", bound, wide);
  out.line(`let ${counter} = ${base}${j === 0 ? "" : ` + ${j * lanes}u`} + lane;`);
  for (const [i, x] of reduces.entries()) writeTerm(out, x, { into: part(i, j), counter: name, width: isWide ? 4 : 1 });
  others();
  out.close();
}

function writeStart(out: Writer, x: ReduceScalar, name: string, width: Width): void {
  out.line(`var ${name} = ${startOf(x, width, out)};`);
  if (x.by === "argmax") out.line(`var ${name}_at = 0i;`);
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

function exchangeInWorkgroup(out: Writer, x: ReduceScalar, name: string, { lanes, rows, memory }: Sharing): string {
  const own = rows === 1 ? "lane" : "invocation";
  const isPlace = x.by === "argmax";
  const shared = `shared_${name}`;
  memory.push(`var<workgroup> ${shared}: array<${x.body.dtype}, ${lanes * rows}>;`);
  if (isPlace) memory.push(`var<workgroup> ${shared}_at: array<i32, ${lanes * rows}>;`);
  const keep = `${shared}[${own}] = ${name};${isPlace ? ` ${shared}_at[${own}] = ${name}_at;` : ""}`;
  for (let half = lanes / 2; half >= 1; half /= 2) {
    out.line(keep);
    out.line("workgroupBarrier();");
    out.open(`if (lane < ${half}u)`, new Map());
    out.line(`let other = ${shared}[${own} + ${half * rows}u];`);
    if (isPlace) out.line(`let other_at = ${shared}_at[${own} + ${half * rows}u];`);
    writeCombine(out, x, name, "other");
    out.close();
    if (half > 1) out.line("workgroupBarrier();");
  }
  out.line(`if (lane == 0u) { ${keep} }`);
  out.line("workgroupBarrier();");
  const whole = out.fresh("whole");
  out.line(`let ${whole} = ${shared}${isPlace ? "_at" : ""}[${rows === 1 ? "0" : "own_row"}];`);
  return whole;
}
