/**
 * Targets: kinds of folders of coded weights that other programs read and write. How codes lie in files is a format of a module in
 * `std/target/`; a table beside it has what no equation says: names of tensors, config.json, and what its loaders ask for.
 */
import type { Span } from "../../grammar/source.ts";
import { given } from "../language/bind.ts";
import type { Context } from "../language/context.ts";
import type { Modules } from "../language/declare.ts";
import { number } from "../language/number.ts";
import type { ResolvedModule } from "../language/resolve.ts";
import { scopeIn } from "../language/scope.ts";
import type { Format, Scope, Value } from "../language/value.ts";
import type { StoredDType } from "../plan/stored-types.ts";
import { blockFile } from "./blocks.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";
import { ownMethod } from "./own-formats.ts";

/** What variables of a config may be, the first being what is written. */
export type Allowed = Readonly<Record<string, readonly Json[]>>;

/** Names of what config.json says stand as variables, `"{bits}"`; those of a format's parameters are these parameters. */
export interface Table {
  /**
   * `quantization_config` as it is written. An object with a variable for its only name has an entry for each group of layers.
   * Where a variable stands in several places, the last that says something counts.
   */
  readonly config: JsonObject;
  /** What is meant by fields that are missing. */
  readonly otherwise: JsonObject;
  /** Other values of fields that mean the same; of fields that are not written, all that are understood. */
  readonly also?: Readonly<Record<string, readonly Json[]>>;
  /** Fields that say nothing of how weights are read. */
  readonly besides: readonly string[];
  /** How a parameter of formats is said that is a number of inputs, which are a run: by a variable, and where runs are whole rows. */
  readonly every?: {
    readonly parameter: string;
    readonly variable: string;
    readonly runs: Allowed;
    readonly rows: Allowed;
  };
  /** What is said of all groups by a variable in which they differ, where it stands outside of them. */
  readonly mixed?: Readonly<Record<string, Json>>;
  /** Variables that are lists, with the names of their items. */
  readonly lists?: Readonly<Record<string, readonly string[]>>;
  readonly left_out: {
    /** How layers that are not coded are listed: by regular expressions, by modules as Transformers has them, or by what names or groups them. */
    readonly by: "patterns" | "modules" | "names";
    readonly variable: string;
    /** Which layers a group is of, and the class of all. */
    readonly targets?: string;
    readonly class?: string;
  };
  /** Whether layers outside of the blocks are coded, too, unless they are left out. */
  readonly outside: boolean | string;
  /** What says that other programs round activations. */
  readonly activations?: string;
  /** Loaders make one layer of those that read the same activation: all of them are coded, and alike, or none. */
  readonly is_fused: boolean;
  /** Layers of Transformers' class `Conv1D`, whose matrices have the inputs first, are held, too. */
  readonly is_conv1d_held: boolean;
  /** What low-rank factors add to codes is held, too, in an adapter beside them. */
  readonly is_adapted?: boolean;
  /** Of what sizes of a weight must be multiples. */
  readonly multiples?: Multiples;
  /** Tensors beside codes that say nothing of weights. */
  readonly beside?: readonly string[];
  readonly layouts: readonly Layout[];
}

export type Multiples = { readonly [size in "in" | "out"]?: number };

/** A format of the module, where config.json says so, with the tensors that hold its fields. */
export interface Layout {
  readonly format: string;
  readonly where: Allowed;
  /**
   * What is written so: weights in a format, `of` a module of the library, by a function of their fields and parameters; without one,
   * as they are. `where` says more than what is read has to say.
   */
  readonly made?: {
    readonly of: string;
    readonly in: string;
    readonly where?: Allowed;
    readonly by?: string;
    readonly multiples?: Multiples;
  };
  /** By field: the name behind the layer's path, the type, and the dimensions that are rows of what files know. */
  readonly tensors: Readonly<Record<string, readonly [tensor: string, dtype: StoredDType, ...rows: readonly string[]]>>;
  /** Fields that nobody reads, with the functions of the module that give what is in them. */
  readonly must?: Readonly<Record<string, string>>;
}

export interface Target {
  /** As `save as` calls it. */
  readonly name: string;
  readonly table: Table;
  readonly scope: Scope;
}

/** Whether a format is the one that a module of the library declares by that name. */
export const isOf = (
  { all }: Modules,
  { of, in: module }: { readonly of: string; readonly in: string },
  { declaration }: Format,
): boolean =>
  of === declaration.name.text &&
  all.some(({ name, tree }) => name === module && tree.declarations.includes(declaration));

/** The targets of the library by their names. */
export const targetsIn = ({ all, scopes }: Modules): ReadonlyMap<string, Target> =>
  new Map(
    tablesOf(all).flatMap(({ module, name, table }) => {
      const scope = scopes.get(module);
      return scope ? [[name, { name, table, scope }] as const] : [];
    }),
  );

type Tabled = Pick<ResolvedModule, "name" | "table">;

const tablesOf = (modules: readonly Tabled[]) =>
  modules.flatMap(({ name: module, table: file }) => {
    const table: Table | null = file ? JSON.parse(file.text) : null;
    return table?.layouts ? [{ module, name: module.split("/").at(-1) ?? module, table }] : [];
  });

/** The formats that a model can be saved in: as numbers, with its codes as they are, in one file, or as those programs have them for which there are tables. */
export const savedFormats = (modules: readonly Tabled[]): readonly string[] => [
  "huggingface",
  ownMethod,
  blockFile,
  ...tablesOf(modules).flatMap(({ name, table }) => (table.layouts.some(({ made }) => made) ? [name] : [])),
];

/** What config.json says, by the names of variables. */
export type Said = ReadonlyMap<string, Json>;

/** Whether all that is allowed for is as allowed. */
export const isAllowed = (allowed: Allowed, said: Said): boolean =>
  Object.entries(allowed).every(([name, values]) => values.includes(said.get(name) ?? null));

/** The parameters of a layout's format. */
export function parametersIn({ scope }: Target, { format }: Layout): readonly string[] {
  const declared = scope.values.get(format);
  return declared?.kind === "callable" ? declared.form([]).parameters.map(({ name }) => name.text) : [];
}

/** The format of a layout with what config.json says for its parameters. */
export function formatOf(context: Context, { scope }: Target, { format }: Layout, said: Said, span: Span): Value {
  const declared = scope.values.get(format);
  if (declared?.kind !== "callable") throw new Error(`no format ${format}`);
  const { parameters, apply } = declared.form([]);
  const values = parameters.flatMap(({ name: { text } }) => {
    const value = said.get(text);
    return value === undefined ? [] : [[text, { value: asValue(value), span }] as const];
  });
  const call = { context, scope: scopeIn(null), span };
  return apply(call, given(call.scope, new Map(values)));
}

const asValue = (value: Json): Value =>
  typeof value === "number"
    ? number(value)
    : typeof value === "boolean"
      ? { kind: "boolean", value }
      : { kind: "string", value: String(value) };

/** The parameters of a format as config.json has them; undefined for what JSON does not have. */
export function parametersOf({ declaration, scope }: Format): Said {
  return new Map(
    declaration.parameters.flatMap(({ name: { text } }) => {
      const value = scope.values.get(text);
      const json = value?.kind === "number" ? value.real : value?.kind === "boolean" ? value.value : null;
      return json === null ? [] : [[text, json] as const];
    }),
  );
}

/** Whether a config of this kind has groups of layers. */
export const hasGroups = ({ config }: Table): boolean => Object.values(config).some(isOfGroups);

/** Whether an object has an entry for each group. */
export function isOfGroups(template: Json): boolean {
  const [only = "", ...more] = isObject(template) ? Object.keys(template) : [];
  return more.length === 0 && variableIn(only) !== null;
}

/** The variable that stands in a place of a config. */
export const variableIn = (template: Json | undefined): string | null =>
  typeof template === "string" ? (/^\{(\w+)\}$/.exec(template)?.[1] ?? null) : null;
