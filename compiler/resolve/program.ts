/** A program: every module that a file needs, parsed, in the order in which they must be declared. */
import type * as Ast from "../../grammar/ast.ts";

export interface LinkedModule {
  /** `std/nn`, or a path. */
  readonly name: string;
  readonly tree: Ast.Module;
  /** For each import in order: the name of the module that it means. */
  readonly imports: readonly string[];
}

export interface Program {
  /** Imported modules before their importers; the last is the file that was asked for. */
  readonly modules: readonly LinkedModule[];
}
