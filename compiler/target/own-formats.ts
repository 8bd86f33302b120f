/**
 * A folder of coded weights that says by itself how they are stored: its config.json has the formats, as the text of the modules that
 * declare them, with the weights that are in each. Such a folder is read whatever its formats are called and whoever wrote them.
 */
import type * as Ast from "../../grammar/ast.ts";
import { accepted } from "../../grammar/diagnostic.ts";
import { expressionIn } from "../../grammar/parse.ts";
import type { Context } from "../language/context.ts";
import type { Modules } from "../language/declare.ts";
import { evaluate } from "../language/evaluate.ts";
import { identityOf } from "../language/identity.ts";
import { type ResolvedModule, resolve } from "../language/resolve.ts";
import { scopeIn } from "../language/scope.ts";
import { type Format, type Scope, showFormat } from "../language/value.ts";
import type { ModelFacts } from "../model/facts.ts";
import { isObject, type Json, type JsonObject, quantisation } from "./json.ts";

/** What `quant_method` says of such a folder. */
export const ownMethod = "lcomp";

/** A format with the weights that are stored so. */
interface Entry {
  /** As it is called: `Affine(bits: 4, every: 128)`. */
  readonly format: string;
  /** The module that declares it, and all that it imports. */
  readonly module: string;
  /** The modules that declare the formats among its arguments, by their names. */
  readonly others?: Readonly<Record<string, string>>;
  readonly modules: Readonly<Record<string, string>>;
  readonly tensors: readonly string[];
}

/** The name of the tensor in which a field lies. */
export const ownTensor = (weight: string, field: string): string => `${weight}.${field}`;

/** `quantization_config` for weights in some formats. */
export function ownConfig({ all }: Modules, weights: ReadonlyMap<string, Format>): JsonObject {
  const entries = Map.groupBy(weights, ([, format]) => identityOf(format));
  const formats = [...entries.values()].flatMap((some): Json[] => {
    const [first] = some;
    const declaring = ({ declaration }: Format): ResolvedModule | undefined =>
      all.find(({ tree }) => tree.declarations.includes(declaration));
    const own = first && declaring(first[1]);
    if (!own) return [];
    const others = argumentsOf(first[1]).flatMap((each) => {
      const module = declaring(each);
      return module && module !== own ? [[each.declaration.name.text, module] as const] : [];
    });
    const closure = new Set([own, ...others.map(([, module]) => module)].flatMap((each) => closureOf(all, each)));
    const modules = [...closure].map(({ tree: { file } }) => [file.path, file.text] as const);
    const pathsOf = others.map(([name, { tree }]) => [name, tree.file.path] as const);
    return [
      {
        ...{ format: showFormat(first[1]), module: own.tree.file.path },
        ...(others.length > 0 && { others: Object.fromEntries(pathsOf.sort(byName)) }),
        modules: Object.fromEntries(modules.sort(byName)),
        tensors: some.map(([tensor]) => tensor),
      },
    ];
  });
  return { quant_method: ownMethod, formats };
}

const byName = ([a]: readonly [string, string], [b]: readonly [string, string]): number => (a < b ? -1 : 1);

/** The formats among the arguments of a format, and theirs. */
const argumentsOf = ({ scope }: Format): readonly Format[] =>
  [...scope.values.values()].flatMap((value) => (value.kind === "format" ? [value, ...argumentsOf(value)] : []));

/** A module, and all that it imports. */
function closureOf(all: readonly ResolvedModule[], of: ResolvedModule): readonly ResolvedModule[] {
  const needed = new Set([of.name]);
  for (const { name, imports } of all.toReversed()) if (needed.has(name)) for (const each of imports) needed.add(each);
  return all.filter(({ name }) => needed.has(name));
}

/** The modules in the config.json of some models, but for those that the library has word for word. Throws CompileError. */
export const ownModules = (
  models: Iterable<ModelFacts>,
  library: readonly ResolvedModule[],
): readonly ResolvedModule[] =>
  [...models].flatMap((facts) =>
    entriesOf(facts).flatMap((entry, place) => modulesOf(entry, library, (module) => nameIn(facts, place, module))),
  );

function modulesOf(
  { module, others = {}, modules }: Entry,
  library: readonly ResolvedModule[],
  named: (module: string) => string,
): readonly ResolvedModule[] {
  const texts = new Map(Object.entries(modules));
  const read = (path: string) => {
    const text = texts.get(path);
    return text === undefined ? undefined : { path, text };
  };
  const names = new Map<string, string>();
  const files = [...new Set([module, ...Object.values(others)])].flatMap((path) => read(path) ?? []);
  const resolved = files.flatMap((file) => accepted(resolve({ read, library: [] }, file)));
  const once = [...new Map(resolved.map((own) => [own.name, own])).values()];
  return once.flatMap((own) => {
    const imports = own.imports.map((name) => names.get(name) ?? name);
    const same = library.find(({ name }) => name === own.name);
    const isSame = same?.tree.file.text === own.tree.file.text && imports.join() === same.imports.join();
    const name = isSame ? own.name : named(own.name);
    names.set(own.name, name);
    return isSame ? [] : [{ name, imports, tree: formatsIn(own.tree) }];
  });
}

/** A module without the architectures and recipes in it, which are not the model's. */
const formatsIn = (tree: Ast.Module): Ast.Module => ({
  ...tree,
  declarations: tree.declarations.filter(({ kind }) => kind !== "arch" && kind !== "recipe"),
});

const nameIn = ({ name }: ModelFacts, place: number, module: string): string => `${name}, format ${place}: ${module}`;

/** The formats of a model by its weights; a text where config.json does not say what they are. */
export function ownFormats(
  context: Context,
  { scopes }: Modules,
  facts: ModelFacts,
): ReadonlyMap<string, Format> | string {
  const formats = new Map<string, Format>();
  const { formats: listed } = quantisation(facts) ?? {};
  const entries = entriesOf(facts);
  if (!Array.isArray(listed) || listed.length !== entries.length)
    return "each of its `formats` has a `format`, a `module`, `modules` and `tensors`";
  for (const [place, entry] of entries.entries()) {
    const { format: text, module, modules, tensors } = entry;
    const scope = scopeFor(entry, (path) => scopes.get(nameIn(facts, place, path)) ?? scopes.get(path));
    const called = expressionIn({ path: "config.json", text: `fn format() =\n${text}` });
    const value = Object.hasOwn(modules, module) && scope && called ? evaluate(context, scope, called) : null;
    if (value?.kind !== "format") return `\`${text}\` is no format of \`${module}\``;
    for (const tensor of tensors) {
      if (formats.has(tensor)) return `${tensor} has two formats`;
      formats.set(tensor, value);
    }
  }
  return formats;
}

/** Where the text of a format is read: its module, with the formats among its arguments. */
function scopeFor({ module, others = {} }: Entry, scopeOf: (path: string) => Scope | undefined): Scope | undefined {
  const declaring = scopeOf(module);
  const scope = declaring && scopeIn(declaring);
  for (const [name, path] of Object.entries(others)) {
    const declared = scopeOf(path)?.values.get(name);
    if (declared) scope?.values.set(name, declared);
  }
  return scope;
}

/** Those of a config.json that are as they should be. */
function entriesOf(facts: ModelFacts): readonly Entry[] {
  const { quant_method: method, formats } = quantisation(facts) ?? {};
  return method === ownMethod && Array.isArray(formats) ? formats.filter(isEntry) : [];
}

const isTexts = (value: unknown): boolean =>
  isObject(value) && Object.values(value).every((text) => typeof text === "string");

const isEntry = (value: unknown): value is Entry =>
  isObject(value) &&
  typeof value["format"] === "string" &&
  typeof value["module"] === "string" &&
  (value["others"] === undefined || isTexts(value["others"])) &&
  isTexts(value["modules"]) &&
  Array.isArray(value["tensors"]) &&
  value["tensors"].every((name) => typeof name === "string");
