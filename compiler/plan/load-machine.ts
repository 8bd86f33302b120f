/** What a plan must know of a machine that is not here: the part of the report of `lcomp doctor --json` that says it. */
import { Ajv, type JTDSchemaType } from "ajv/dist/jtd.js";
import type { DeviceFacts } from "./device-facts.ts";
import { deviceSchema } from "./schema.ts";

export interface Machine {
  readonly adapters: readonly { readonly isUsed: boolean; readonly facts: DeviceFacts }[];
  /** Of the host, in bytes. */
  readonly memory: number;
}

const schema: JTDSchemaType<Machine> = {
  properties: {
    adapters: {
      elements: { properties: { isUsed: { type: "boolean" }, facts: deviceSchema }, additionalProperties: true },
    },
    memory: { type: "float64" },
  },
  additionalProperties: true,
};

/** What WebGPU guarantees: less is no device's. */
const least = {
  maxStorageBufferBindingSize: 2 ** 27,
  maxBufferSize: 2 ** 28,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeInvocationsPerWorkgroup: 128,
  maxComputeWorkgroupStorageSize: 2 ** 14,
  maxComputeWorkgroupsPerDimension: 65535,
} as const satisfies Partial<DeviceFacts>;

/** What is no such report: why, in a few words. */
export class MachineError extends Error {}

/** From the JSON value of a report: the facts of the adapter that lcomp would use there, and the host's memory. */
export function loadMachine(report: unknown): { readonly device: DeviceFacts; readonly memory: number } {
  const check = new Ajv().compile<Machine>(schema);
  if (!check(report)) {
    const [error] = check.errors ?? [];
    const place = error?.instancePath.replaceAll("/", ".").replace(/^\./, "") || "its top level";
    throw new MachineError(`${place} ${error?.message ?? "does not fit"}`);
  }
  const facts = report.adapters.find(({ isUsed }) => isUsed)?.facts;
  if (facts === undefined) throw new MachineError("none of its adapters is one that lcomp would use");
  for (const name of Object.keys(least) as (keyof typeof least)[])
    if (facts[name] < least[name])
      throw new MachineError(`its ${name} is ${facts[name]}, and no device has less than ${least[name]}`);
  return { device: facts, memory: report.memory };
}
