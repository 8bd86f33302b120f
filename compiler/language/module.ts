/** What resolving a file yields: the modules that it needs, imported ones before their importers, the file itself last. */
import type * as Ast from "../../grammar/ast.ts";

export interface ResolvedModule {
  /** `std/nn`, or a path. */
  readonly name: string;
  readonly tree: Ast.Module;
  /** For each import in order: the name of the module that it means. */
  readonly imports: readonly string[];
}

/** The module whose functions are there without an import. */
export const prelude = "std/prelude";
