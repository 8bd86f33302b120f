/** A `quantization_config` by its template: what one that is given says, and one that says something. */
import { isObject, type Json, type JsonObject } from "./json.ts";
import { isOfGroups, type Said, type Table, variableIn } from "./table.ts";

/** What a table has of a config: the template, and how it is understood. */
export type ConfigTable = Pick<Table, "config" | "otherwise" | "also" | "besides" | "mixed">;

/** What is said of each group of layers; a text where it is not what the template has. */
export function readConfig(table: ConfigTable, given: Readonly<Record<string, unknown>>): readonly Said[] | string {
  const groups: Map<string, Json>[] = [];
  const all = new Map<string, Json>();
  const problem = readObject(table, table.config, given, { said: all, groups });
  if (problem !== null) return problem;
  return groups.length === 0 ? [all] : groups.map((group) => new Map([...all, ...group]));
}

interface Reading {
  readonly said: Map<string, Json>;
  readonly groups: Map<string, Json>[];
}

/** Null, or what is wrong. */
function readObject(
  table: ConfigTable,
  template: JsonObject,
  given: Readonly<Record<string, unknown>>,
  reading: Reading,
): string | null {
  if (isOfGroups(template)) return readGroups(table, Object.values(template)[0] as JsonObject, given, reading);
  const surplus = surplusIn(table, template, given);
  if (surplus !== null) return surplus;
  for (const [name, expected] of Object.entries(template)) {
    const problem = table.besides.includes(name) ? null : readField(table, name, expected, given[name], reading);
    if (problem !== null) return problem;
  }
  return null;
}

/** What is wrong with a field that the template has not; null if it says nothing, or what is understood. */
function surplusIn(table: ConfigTable, template: JsonObject, given: Readonly<Record<string, unknown>>): string | null {
  for (const [name, value] of Object.entries(given)) {
    if (table.besides.includes(name) || Object.hasOwn(template, name) || value === null || isEmpty(value)) continue;
    const [first, ...more] = table.also?.[name] ?? [];
    if (first === undefined) return `\`${name}\` in its config.json is not known`;
    if (![first, ...more].some((each) => each === value)) return otherThan(name, value, first);
  }
  return null;
}

const isEmpty = (value: unknown): boolean => isObject(value) && Object.keys(value).length === 0;

function readGroups(
  table: ConfigTable,
  template: JsonObject,
  given: Readonly<Record<string, unknown>>,
  { said, groups }: Reading,
): string | null {
  for (const group of Object.values(given)) {
    const own = new Map(said);
    const problem = isObject(group)
      ? readObject(table, template, group, { said: own, groups })
      : "a group is no object";
    if (problem !== null) return problem;
    groups.push(own);
  }
  return groups.length === 0 ? "no group of layers is coded" : null;
}

function readField(table: ConfigTable, name: string, expected: Json, given: unknown, reading: Reading): string | null {
  const variable = variableIn(expected);
  const value = given === undefined ? table.otherwise[name] : given;
  if (variable !== null) return readVariable(variable, name, value, reading);
  if (isObject(expected)) {
    if (value === undefined) return `config.json does not say its \`${name}\``;
    return isObject(value)
      ? readObject(table, expected as JsonObject, value, reading)
      : `\`${name}\` in its config.json is no object`;
  }
  const isSame =
    value === undefined || value === expected || (table.also?.[name] ?? []).some((other) => other === value);
  return isSame ? null : otherThan(name, value, expected);
}

function readVariable(variable: string, name: string, value: unknown, { said }: Reading): string | null {
  if (said.has(variable) && (value ?? null) === null) return null;
  if (value === undefined) return `config.json does not say its \`${name}\``;
  if (!isJson(value)) return `\`${name}\` in its config.json is no JSON`;
  said.set(variable, value);
  return null;
}

const otherThan = (name: string, value: unknown, expected: Json): string =>
  `\`${name}\` in its config.json is ${JSON.stringify(value)}, and must be ${JSON.stringify(expected)}`;

/** It has come from JSON. */
const isJson = (value: unknown): value is Json => value !== undefined;

/** The config that says this of groups of layers. */
export function writeConfig(table: ConfigTable, groups: readonly Said[]): JsonObject {
  const fill = (template: Json, said: Said, name: string): Json => {
    const variable = variableIn(template);
    if (variable !== null) return said.get(variable) ?? table.otherwise[name] ?? null;
    return isObject(template) ? object(template as JsonObject, said) : template;
  };
  const object = (template: JsonObject, said: Said): JsonObject => {
    if (!isOfGroups(template))
      return Object.fromEntries(Object.entries(template).map(([name, each]) => [name, fill(each, said, name)]));
    const [each = null] = Object.values(template);
    return Object.fromEntries(groups.map((group, i) => [`group_${i}`, fill(each, group, "")]));
  };
  const [first = new Map<string, Json>()] = groups;
  const differs = ([name]: readonly [string, Json]): boolean =>
    groups.some((group) => group.get(name) !== first.get(name));
  return object(table.config, new Map([...first, ...Object.entries(table.mixed ?? {}).filter(differs)]));
}
