/**
 * An adapter beside a folder of coded weights: what low-rank factors add to them, as PEFT has it. What its files are called and say is
 * a table beside the module that declares its formats.
 */
import type { Span } from "../../grammar/source.ts";
import { invariant } from "../invariant.ts";
import { given } from "../language/bind.ts";
import type { Context } from "../language/context.ts";
import type { Modules } from "../language/declare.ts";
import { formatOfField, innerName } from "../language/fields.ts";
import { number } from "../language/number.ts";
import { scopeIn } from "../language/scope.ts";
import type { Format, Scope } from "../language/value.ts";
import { pathOf } from "../model/declared-tensor.ts";
import type { ModelFacts } from "../model/facts.ts";
import type { Coding, Codings } from "./coding.ts";
import { type ConfigTable, readConfig, writeConfig } from "./config-template.ts";
import { isObject, type Json } from "./json.ts";
import { plainForm } from "./stored-fields.ts";
import { isOf, type Said } from "./table.ts";

/** Declares the formats of adapters. */
const adapterModule = "std/target/peft";

interface AdapterTable extends ConfigTable {
  /** The format that is written so, with its field that the folder itself holds, and the function that gives an adapter's fields of the others. */
  readonly held: { readonly of: string; readonly in: string; readonly inner: string; readonly by: string };
  /** The format that a layer with its adapter is read in. */
  readonly read: string;
  /** What stands before a layer's path, and behind it for each field. */
  readonly prefix: string;
  readonly tensors: Readonly<Record<string, string>>;
  /** The field whose rows are as many as the rank. */
  readonly rank: string;
}

export interface Adapter {
  readonly table: AdapterTable;
  readonly scope: Scope;
}

export function adapterIn({ all, scopes }: Modules): Adapter {
  const table = all.find(({ name }) => name === adapterModule)?.table;
  const scope = scopes.get(adapterModule);
  invariant(table !== undefined && scope !== undefined, `the library has no ${adapterModule}`);
  return { table: JSON.parse(table.text), scope };
}

/** What the folder itself holds of a format, where an adapter holds the rest; null where there is none. */
export function besideAdapter(modules: Modules, { table: { held } }: Adapter, format: Format): Format | null {
  return isOf(modules, held, format) ? formatOfField(format, held.inner) : null;
}

/** The name of the tensor that holds a field of an adapter. */
export const adapterTensor = ({ table: { prefix, tensors } }: Adapter, weight: string, field: string): string =>
  `${prefix}${pathOf(weight)}.${tensors[field]}`;

/** The text of an adapter's config, by the ranks of the layers; what it adds has the scale 1. */
export function adapterConfig({ table }: Adapter, ranks: ReadonlyMap<string, number>): string {
  const [first = 0] = ranks.values();
  const others = Object.fromEntries([...ranks].filter(([, rank]) => rank !== first));
  const said = new Map<string, Json>([
    ...([
      ["rank", first],
      ["alpha", first],
      ["ranks", others],
      ["alphas", others],
    ] as const),
    ["modules", [...ranks.keys()]],
  ]);
  return `${JSON.stringify(writeConfig(table, [said]), null, 2)}\n`;
}

/** The codings of a folder with what its adapter adds, if it has one; a text where that is not understood. */
export function withAdapter(
  context: Context,
  modules: Modules,
  { adapter: given, tensors }: ModelFacts,
  codings: Codings | string,
  span: Span,
): Codings | string {
  if (!given || typeof codings === "string") return codings;
  const adapter = adapterIn(modules);
  const read = readConfig(adapter.table, given);
  const [said] = typeof read === "string" ? [] : read;
  if (!said) return `${read}`.replace("config.json", "adapter_config.json");
  const weights = new Map<string, Coding>();
  for (const [weight, coding] of codings.weights) {
    const rank = tensors.get(adapterTensor(adapter, weight, adapter.table.rank))?.shape[0];
    const odd = rank === undefined ? null : oddIn(said, pathOf(weight), rank);
    if (odd !== null) return `by adapter_config.json, ${odd}`;
    weights.set(weight, rank === undefined ? coding : adapted(context, adapter, weight, coding, rank, span));
  }
  return { ...codings, weights };
}

/** What is said of a layer that is not as it must be; null if nothing. */
function oddIn(said: Said, path: string, rank: number): string | null {
  const of = (all: string, some: string): Json => {
    const own = said.get(some);
    return (isObject(own) ? (own[path] as Json | undefined) : undefined) ?? said.get(all) ?? null;
  };
  const modules = said.get("modules");
  if (!Array.isArray(modules)) return "`target_modules` is no list of layers";
  if (!modules.some((name) => path === name || path.endsWith(`.${name}`)))
    return `${path} is not adapted, and has factors`;
  const [declared, alpha] = [of("rank", "ranks"), of("alpha", "alphas")];
  if (declared !== rank) return `${path} has the rank ${JSON.stringify(declared)}, and its factors have ${rank}`;
  return alpha === rank ? null : `the factors of ${path} have a scale, ${JSON.stringify(alpha)}/${rank}; it must be 1`;
}

function adapted(
  context: Context,
  adapter: Adapter,
  weight: string,
  { matrix, format: inner, must, fieldAt }: Coding,
  rank: number,
  span: Span,
): Coding {
  const declared = adapter.scope.values.get(adapter.table.read);
  const call = { context, scope: scopeIn(null), span };
  const operands = { rank: { value: number(rank), span }, inner: { value: inner, span } };
  const format =
    declared?.kind === "callable"
      ? declared.form([]).apply(call, given(call.scope, new Map(Object.entries(operands))))
      : null;
  invariant(format?.kind === "format", `${adapterModule} has no ${adapter.table.read}`);
  const within = innerName(adapter.table.held.inner, "");
  return {
    matrix,
    format,
    must: new Map([...(must ?? [])].map(([field, by]) => [within + field, by])),
    fieldAt: (field) =>
      field.name.startsWith(within)
        ? fieldAt({ ...field, name: field.name.slice(within.length) })
        : { tensor: adapterTensor(adapter, weight, field.name), form: plainForm(field) },
  };
}
