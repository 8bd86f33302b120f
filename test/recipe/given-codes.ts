/** Weights that a file stores in a format of the library: which one it is, and where each of its fields lies. */

import { invariant } from "../../compiler/invariant.ts";
import { given } from "../../compiler/language/bind.ts";
import type { Context } from "../../compiler/language/context.ts";
import type { Modules } from "../../compiler/language/declare.ts";
import type { StoredField } from "../../compiler/language/format.ts";
import { scopeIn } from "../../compiler/language/scope.ts";
import { known } from "../../compiler/language/size.ts";
import { volume } from "../../compiler/language/tensor.ts";
import type { Format } from "../../compiler/language/value.ts";
import { bitsOf } from "../../compiler/plan/dtype.ts";
import type { Span } from "../../grammar/source.ts";

/** A format without parameters, by its name and the module that declares it. */
export function libraryFormat(context: Context, { scopes }: Modules, module: string, name: string, span: Span): Format {
  const value = scopes.get(module)?.values.get(name);
  const call = { context, scope: scopeIn(null), span };
  const format = value?.kind === "callable" ? value.form([]).apply(call, given(call.scope, new Map())) : undefined;
  invariant(format?.kind === "format", `${module} has no format ${name}`);
  return format;
}

/** Of every `stride` bytes, `bytes` from `start` on. */
export interface Place {
  readonly start: number;
  readonly bytes: number;
  readonly stride: number;
}

/** Where the fields of a weight lie, in a file that has them one after the other at each position of the dimension that the format names. */
export function placesOf({ declaration: { by } }: Format, fields: readonly StoredField[]): readonly Place[] {
  const sizes = fields.map(({ dtype, dims }) => {
    const inner = dims.slice(dims.findIndex(({ name }) => name === by?.text) + 1);
    return ((known(volume(inner)) ?? 0) * bitsOf(dtype)) / 8;
  });
  const stride = sizes.reduce((sum, bytes) => sum + bytes, 0);
  return sizes.map((bytes, i) => ({ start: sizes.slice(0, i).reduce((sum, each) => sum + each, 0), bytes, stride }));
}
