/** JSON as config.json has it, and where in it a model's codes are described. */
import type { ModelFacts } from "../model/facts.ts";

export type Json = string | number | boolean | null | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What config.json says of a model's codes; null where it has no such object. */
export function quantisation({ config }: Pick<ModelFacts, "config">): Readonly<Record<string, unknown>> | null {
  const said = config["quantization_config"] ?? config["compression_config"];
  return isObject(said) ? said : null;
}
