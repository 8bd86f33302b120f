/** A plan from its file. Inside of this border a plan is trusted. */
import { Ajv } from "ajv/dist/jtd.js";
import { type Plan, planVersion } from "./plan.ts";
import { PlanError } from "./plan-error.ts";
import { planHash } from "./plan-file.ts";
import { fromFile } from "./references.ts";
import { requireSound } from "./require-sound.ts";
import { type PlanFile, planSchema } from "./schema.ts";

/** Reads a plan; `where` names the file in messages. */
export function loadPlan(text: string, where: string): Plan {
  const { hash, ...plan } = validate(text, where);
  for (const { name, setup, main } of plan.programs) {
    if (![...setup, ...main].every(({ workgroups }) => workgroups.length === 3))
      throw new PlanError(`${where} is no plan: a dispatch of program ${name} has no three workgroup counts`);
  }
  const loaded = fromFile(plan, (reference) => {
    throw new PlanError(`${where} is no plan: ${JSON.stringify(reference)} refers to nothing`);
  });
  if (planHash(loaded) !== hash)
    throw new PlanError(`${where} was changed after it was made: its hash is not that of its content; plan again`);
  requireSound(loaded, (why) => {
    throw new PlanError(`${where} cannot be carried out: ${why}; plan again`);
  });
  return loaded;
}

let check: ReturnType<typeof compileCheck> | undefined;

const compileCheck = () => new Ajv().compile<PlanFile>(planSchema);

function validate(text: string, where: string): PlanFile {
  check ??= compileCheck();
  const value = parse(text, where);
  if (isRecord(value) && value["version"] !== undefined && value["version"] !== planVersion)
    throw new PlanError(
      `${where} is a plan of version ${value["version"]}; this lcomp reads version ${planVersion}: use the one that made it, or plan again`,
    );
  if (check(value)) return value;
  const [error] = check.errors ?? [];
  const place = error?.instancePath.replaceAll("/", ".").replace(/^\./, "") || "its top level";
  throw new PlanError(`${where} is no plan: ${place} ${error?.message ?? "does not fit"}; plan again`);
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new PlanError(`${where} is no plan: it is not valid JSON`);
  }
}
