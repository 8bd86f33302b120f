/** A plan as text: JSON in the order of its schema, so that equal plans are equal files, with a hash over all the rest. */

import type { Plan } from "./plan.ts";
import { toFile } from "./references.ts";
import { planSchema } from "./schema.ts";
import { hash } from "./sha256.ts";

/** What the walk looks at in a schema. */
interface Form {
  readonly elements?: Form;
  readonly values?: Form;
  readonly properties?: Readonly<Record<string, Form>>;
  readonly optionalProperties?: Readonly<Record<string, Form>>;
}

/** The plan's content hash: sha256 of its text without the hash itself. */
export const planHash = (plan: Plan): string => hash(print(ordered(toFile(plan), planSchema as Form)));

/** The whole plan: what `--emit plan` prints and `load` reads. */
export function showPlan(plan: Plan): string {
  return print(ordered({ ...toFile(plan), hash: planHash(plan) }, planSchema as Form));
}

/** What a lock says of the plan: its hash, which is also that of all kernels, and what it was made for. */
export function identitiesOf(
  { version, recipe: { text: _, ...recipe }, models, corpora, device }: Plan,
  hash: string,
): Readonly<Record<string, unknown>> {
  const headers = models.map(({ contents: _, ...model }) => model);
  const made = ordered({ recipe, models: headers, corpora, device }, planSchema as Form);
  return { version, plan: hash, ...(made as object) };
}

const print = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** A copy whose keys stand in the order of the schema. */
function ordered(value: unknown, form: Form): unknown {
  if (Array.isArray(value)) return value.map((element) => ordered(element, form.elements ?? {}));
  if (typeof value !== "object" || value === null) return value;
  const record = value as Readonly<Record<string, unknown>>;
  const { values } = form;
  if (values !== undefined)
    return Object.fromEntries(Object.entries(record).map(([key, each]) => [key, ordered(each, values)]));
  const forms = Object.entries({ ...form.properties, ...form.optionalProperties });
  return Object.fromEntries(
    forms.flatMap(([key, each]) => (record[key] === undefined ? [] : [[key, ordered(record[key], each)]])),
  );
}
