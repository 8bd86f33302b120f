/** Matrices in files that have the fields of a format block by block, as a folder has them: a tensor for each field. */
import { accepted } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import { maker } from "../graph/make.ts";
import type { Host } from "../host.ts";
import { invariant } from "../invariant.ts";
import { given } from "../language/bind.ts";
import { type Context, newContext } from "../language/context.ts";
import { declareModules, type Modules } from "../language/declare.ts";
import type { StoredField } from "../language/fields.ts";
import { refuse } from "../language/refuse.ts";
import { resolve } from "../language/resolve.ts";
import { scopeIn } from "../language/scope.ts";
import { fixed, known } from "../language/size.ts";
import { type Dimension, volume } from "../language/tensor.ts";
import type { Format } from "../language/value.ts";
import { fieldsFor } from "../model/coded-type.ts";
import { bitsOf } from "../plan/dtype.ts";
import type { PlaceInBlocks } from "../plan/step.ts";
import type { JsonObject } from "./json.ts";
import { ownConfig, ownTensor } from "./own-formats.ts";
import { type FieldForm, plainForm } from "./stored-fields.ts";

/** A matrix of a format without parameters, and the module of the library that declares it. */
interface BlockMatrix {
  readonly name: string;
  readonly module: string;
  readonly format: string;
  /** Rows and columns, as a file has them. */
  readonly at: { readonly shape: readonly number[] };
}

/** A field as a tensor, and which bytes of the blocks are its own. */
interface FieldInBlocks extends FieldForm, PlaceInBlocks {
  readonly name: string;
}

/** What `save as` calls one file of blocks. */
export const blockFile = "gguf";

/** What config.json says of matrices, and the fields of each; throws CompileError where the library's declarations are wrong. */
export function describeBlocks(
  host: Host,
  matrices: readonly BlockMatrix[],
): { readonly quantization: JsonObject; readonly fields: ReadonlyMap<string, readonly FieldInBlocks[]> } {
  const names = new Map(matrices.map(({ module, format }) => [`${format}`, module]));
  const imports = [...names].map(([format, module]) => `import { ${format} } from "${module}"\n`);
  const file = { path: "blocks", text: imports.join("") };
  const context = newContext(maker());
  const modules = declareModules(context, accepted(resolve(host, file)) ?? []);
  refuse(context);
  const span: Span = { file, start: 0, end: 0 };
  const formats = new Map(
    matrices.map(({ name, module, format }) => [name, libraryFormat(context, modules, module, format, span)] as const),
  );
  const fields = matrices.map(({ name, at }): readonly [string, readonly FieldInBlocks[]] => {
    const format = formats.get(name);
    const stored = (format && fieldsFor(context, sides(at.shape), format, span)) ?? [];
    const places = format ? placesOf(format, stored) : [];
    return [
      name,
      stored.flatMap((field, i) => ({
        ...plainForm(field),
        ...(places[i] as PlaceInBlocks),
        name: ownTensor(name, field.name),
      })),
    ];
  });
  refuse(context);
  return { quantization: ownConfig(modules, formats), fields: new Map(fields) };
}

export function libraryFormat(context: Context, { scopes }: Modules, module: string, name: string, span: Span): Format {
  const value = scopes.get(module)?.values.get(name);
  const call = { context, scope: scopeIn(null), span };
  const format = value?.kind === "callable" ? value.form([]).apply(call, given(call.scope, new Map())) : undefined;
  invariant(format?.kind === "format", `${module} has no format ${name}`);
  return format;
}

function sides([rows = 0, columns = 0]: readonly number[]) {
  const dim = (id: string, size: number): Dimension => ({ id, name: id, size: fixed(size), source: "the file" });
  return { to: [dim("rows", rows)], from: [dim("columns", columns)] };
}

/** Where fields lie that follow one another at each position of the dimension that their format names. */
export function placesOf({ declaration: { by } }: Format, fields: readonly StoredField[]): readonly PlaceInBlocks[] {
  const widths = fields.map(({ dtype, dims }) => {
    const inner = dims.slice(dims.findIndex(({ name }) => name === by?.text) + 1);
    return ((known(volume(inner)) ?? 0) * bitsOf(dtype)) / 8;
  });
  const upTo = (count: number): number => widths.slice(0, count).reduce((sum, width) => sum + width, 0);
  return widths.map((width, i) => ({ start: upTo(i), width, stride: upTo(widths.length) }));
}
