/** How the compiler sees the world: the CLI hands it files, tests hand it a Map. */
import type { SourceFile } from "../grammar/source.ts";

/** The module is there and is not read; the message says why. */
export class Unreadable extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = "Unreadable";
  }
}

export interface Host {
  /**
   * The text of a module by its resolved name: `std/nn`, or a path below the recipe's folder; or of a table beside one, `std/target/…json`.
   * Undefined if there is none. Throws Unreadable.
   */
  readonly read: (module: string) => SourceFile | undefined;
  /** Names of the library's modules, for suggestions. */
  readonly library: readonly string[];
  /** Modules with architectures of one's own, which come before those of the library. */
  readonly architectures?: readonly string[];
}
