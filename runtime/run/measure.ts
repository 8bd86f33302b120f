/** Numbers for the report, made from series, and expectations. */
import type { MeasureStep } from "../../compiler/plan/plan.ts";
import { isUnordered, slotNames } from "../../compiler/plan/program.ts";
import { UserError } from "../user-error.ts";
import type { Series } from "./evaluate.ts";
import { type LoadedProgram, slotNamed } from "./programs.ts";
import type { Session } from "./session.ts";

/** A number of the report. */
export interface ReportResult {
  readonly text: string;
  readonly of: { readonly measure: string; readonly model: string } | null;
  readonly value: number;
}

/** An expectation, and whether it holds. */
export interface ExpectResult {
  readonly text: string;
  readonly place: string;
  readonly holds: boolean;
}

/** Computes a step's values, which are finite; those known when the plan was made are taken from it. */
export async function measure(
  session: Session,
  step: MeasureStep,
  series: Series,
): Promise<{ readonly reports: readonly ReportResult[]; readonly expects: readonly ExpectResult[] }> {
  const computed = step.program === "" ? [] : await compute(session, step, series);
  const values = step.values.map((value, i) => ({ ...value, value: value.value ?? known(computed[i], value.text) }));
  requireFinite(values);
  return {
    reports: values.filter(({ kind }) => kind === "report").map(({ text, of, value }) => ({ text, of, value })),
    expects: values
      .filter(({ kind }) => kind === "expect")
      .map(({ text, place, value }) => ({ text, place, holds: value !== 0 })),
  };
}

/** Names the values beside those that are wrong: a perplexity may be infinite, and the mean that it is made of is not. */
function requireFinite(values: readonly { readonly text: string; readonly value: number }[]): void {
  if (values.every(({ value }) => Number.isFinite(value))) return;
  const shown = values.map(({ text, value }) => `${text} is ${value}`).join(", ");
  throw new UserError(
    `a measure is no number, and nothing was saved: ${shown}; look at the model, and at what the measure divides by and raises`,
  );
}

/** The values that were computed. A comparison with NaN is false, and `not` of it true: neither is what an expectation asks. */
async function read(
  { pool }: Session,
  outputs: ReadonlyMap<string, GPUBuffer>,
  values: MeasureStep["values"],
): Promise<readonly (number | undefined)[]> {
  for (const [slot, count] of outputs) {
    if (!isUnordered(slot) || new Int32Array(await pool.read(count, 4))[0] === 0) continue;
    const shown = values.map(({ text }) => text).join(", ");
    throw new UserError(
      `a measure compares what is no number, and nothing was saved: one of ${shown}; look at what it divides by`,
    );
  }
  const found: (number | undefined)[] = [];
  for (const i of values.keys()) {
    const buffer = outputs.get(slotNames.value(i));
    found.push(buffer && new Float32Array(await pool.read(buffer, 4))[0]);
  }
  return found;
}

function known(value: number | undefined, text: string): number {
  if (value === undefined) throw new Error(`nothing computes ${text}`);
  return value;
}

async function compute(
  session: Session,
  { program: name, inputs, values }: MeasureStep,
  series: Series,
): Promise<readonly (number | undefined)[]> {
  const { pool, withProgram } = session;
  return withProgram(name, async (program) => {
    const held: GPUBuffer[] = [];
    try {
      for (const { slot, series: source } of inputs) {
        const given = series.get(source);
        if (given === undefined) throw new Error(`nothing was evaluated that gives ${source}`);
        held.push(await send(session, program, slot, given));
      }
      const outputs = new Map<string, GPUBuffer>();
      for (const { slot, bytes } of program.slots("output")) {
        const buffer = await pool.acquire(bytes, "a measure");
        held.push(buffer);
        outputs.set(slot.name, buffer);
        program.bind("output", slot.name, buffer);
      }
      program.setup();
      program.run();
      return await read(session, outputs, values);
    } finally {
      for (const buffer of held) pool.release(buffer);
    }
  });
}

async function send(
  { pool }: Session,
  program: LoadedProgram,
  name: string,
  values: Float32Array<ArrayBuffer>,
): Promise<GPUBuffer> {
  const { bytes } = slotNamed(program, "state", name);
  if (bytes < values.byteLength) throw new Error(`${name} has ${bytes} bytes, its series ${values.byteLength}`);
  const buffer = await pool.acquire(bytes, "a series");
  pool.upload(buffer, values);
  program.bind("state", name, buffer);
  return buffer;
}
