/** How the compiler sees the world: the CLI hands it files, tests hand it a Map. */
import type { SourceFile } from "../grammar/source.ts";

export interface Host {
  /** The text of a module by its resolved name: `std/nn`, or a path as users write it. Undefined if there is none. */
  readonly read: (module: string) => SourceFile | undefined;
  /** Names of the library's modules, for suggestions. */
  readonly library: readonly string[];
}
