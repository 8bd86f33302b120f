/** Files for what is durable: a tensor each, in a hidden folder of the output, or in a temporary one where there is no output. */
import { mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OutputFolder } from "../io/output-folder.ts";
import { readHeader, type StoredTensor, type TensorDeclaration } from "../io/safetensors.ts";
import { SafetensorsWriter } from "../io/safetensors-writer.ts";
import { makeBeside } from "../io/unfinished.ts";

export interface DurableFiles {
  readonly create: (declaration: TensorDeclaration) => Promise<DurableFile>;
  /** Removes all of them. */
  readonly close: () => void;
}

/** A file being written; `finish` or `abandon` ends that. */
export interface DurableFile {
  readonly write: (bytes: Uint8Array, at: number) => Promise<void>;
  readonly finish: () => Promise<StoredTensor>;
  readonly abandon: () => Promise<void>;
}

/** Makes no folder before there is a file. */
export function durableFiles(output: OutputFolder | null): DurableFiles {
  let folder: string | undefined;
  let count = 0;
  const remove = (): void => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
    process.off("exit", remove);
  };
  return {
    create: async (declaration) => {
      if (folder === undefined) {
        folder = makeFolder(output);
        process.once("exit", remove);
      }
      const path = join(folder, `${count++}.safetensors`);
      const writer = await SafetensorsWriter.create(path, [declaration], { shownAs: output?.target ?? path });
      return {
        write: (bytes, at) => writer.write(declaration.name, bytes, at),
        abandon: () => writer.abandon().catch(() => undefined),
        finish: async () => {
          await writer.close();
          const [tensor] = (await readHeader(path)).tensors;
          if (tensor === undefined) throw new Error(`${path} holds no tensor`);
          return tensor;
        },
      };
    },
    close: remove,
  };
}

function makeFolder(output: OutputFolder | null): string {
  if (output === null) return makeBeside(join(tmpdir(), "lcomp-store"));
  const folder = join(output.partial, ".store");
  mkdirSync(folder);
  return folder;
}
