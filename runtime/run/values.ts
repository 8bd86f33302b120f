/** Numbers for the report, and expectations. */
import { UserError } from "../user-error.ts";
import type { RunResult } from "./result.ts";
import type { Session } from "./session.ts";

/** Reads what the steps have computed, which is finite. */
export async function readValues({ plan, store }: Session): Promise<Pick<RunResult, "reports" | "expects">> {
  const values = [];
  for (const record of plan.values) {
    const { value } = record;
    values.push({ ...record, value: typeof value === "number" ? value : await store.number(value) });
  }
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
