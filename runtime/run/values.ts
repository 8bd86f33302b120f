/** Numbers for the report, and expectations. */
import { outputOf } from "../../compiler/plan/slots.ts";
import type { ValueRecord } from "../../compiler/plan/step.ts";
import { UserError } from "../user-error.ts";
import type { ComparedResult, ExpectResult, RunResult } from "./result.ts";
import type { Session } from "./session.ts";

interface Read extends Omit<ValueRecord, "value" | "compared"> {
  readonly values: readonly number[];
  /** The dimension that they run along; undefined of a single number. */
  readonly along: string | undefined;
}

/** Reads what the steps have computed; what the recipe asks for is finite. */
export async function readValues({
  plan,
  store,
}: Session): Promise<Pick<RunResult, "reports" | "series" | "expects" | "compared">> {
  const [singles, series]: [(Read & { readonly value: number })[], (Read & { readonly along: string })[]] = [[], []];
  const compared: ComparedResult[] = [];
  for (const { value: from, compared: comparing, ...record } of plan.values) {
    const values = typeof from === "number" ? [from] : await store.numbers(from);
    if (comparing) compared.push({ of: record.of, ...comparing, values });
    if (comparing) continue;
    const [dim] = typeof from === "object" && "step" in from ? outputOf(plan, from.step, from.output).slot.dims : [];
    if (dim === undefined) singles.push({ ...record, values, along: undefined, value: values[0] ?? Number.NaN });
    else series.push({ ...record, values, along: dim.name });
  }
  requireFinite([...singles.filter(({ kind }) => kind !== "side"), ...series]);
  const sidesAt = (expected: string): ExpectResult["sides"] =>
    singles.flatMap(({ kind, place, text, value }) => (kind === "side" && place === expected ? [{ text, value }] : []));
  return {
    reports: singles.filter(({ kind }) => kind === "report").map(({ text, of, value }) => ({ text, of, value })),
    compared,
    series: series.map(({ text, values, along }) => ({ text, values, along })),
    expects: singles
      .filter(({ kind }) => kind === "expect")
      .map(({ text, place, value }) => ({ text, place, holds: value !== 0, sides: sidesAt(place) })),
  };
}

/** Names the values beside those that are wrong: a perplexity may be infinite, and the mean that it is made of is not. */
function requireFinite(read: readonly Read[]): void {
  const wrong = ({ values }: Read): number | undefined => values.find((value) => !Number.isFinite(value));
  if (read.every((each) => wrong(each) === undefined)) return;
  const shown = read.map((each) => `${each.text} is ${wrong(each) ?? each.values[0]}`).join(", ");
  throw new UserError(
    `a measure is no number, and nothing was saved: ${shown}; look at the model, and at what the measure divides by and raises`,
  );
}
