/** A model as one GGUF file: metadata of its config and its tokenizer, then its tensors, as a stream of bytes. */
import { appendFile, truncate, writeFile } from "node:fs/promises";
import type { JsonObject } from "../file.ts";
import type { FrequencyTensors } from "./rope.ts";
import { architectureOf, configMetadata, headOf } from "./write-config.ts";
import {
  bytesOf,
  type FileTensor,
  fileTensors,
  fileTypeOf,
  type Part,
  type Pieces,
  sharedMemory,
} from "./write-tensors.ts";
import { type ReadFile, tokenizerMetadata } from "./write-tokenizer.ts";
import { headerBytes, type Metadata, padding, type Written, type WrittenTensor } from "./written.ts";

/** A file that can be written: all that it says is known, but for weights. */
export interface GgufFile {
  readonly bytes: (pieces: Pieces) => AsyncGenerator<Uint8Array>;
  /** Writes it with holes in the place of weights, which take no room on the disk. */
  readonly hollow: (path: string) => Promise<void>;
}

/** What a file of a model begins with. Refuses what GGUF does not hold. */
export async function ggufFile(config: JsonObject, parts: readonly Part[], read: ReadFile): Promise<GgufFile> {
  const architecture = architectureOf(config);
  const tensors = fileTensors(parts, architecture.table, headOf(config, architecture.table));
  const shapeOf = (name: string): readonly number[] => tensors.find((tensor) => tensor.name === name)?.shape ?? [];
  const vocabulary = shapeOf("token_embd.weight")[0] ?? 0;
  const own = configMetadata(config, architecture, {
    vocabulary,
    has: (name) => shapeOf(name).length > 0,
    tensors: tensors.length,
    feedForward: shapeOf("blk.0.ffn_down.weight")[1],
  });
  const type = fileTypeOf(tensors);
  const isCoded = tensors.some(({ matrices: [[first]] }) => first.blocks);
  const metadata: Metadata = new Map<string, Written>([
    ["general.architecture", { kind: "text", value: architecture.name }],
    ["general.type", { kind: "text", value: "model" }],
    ...(type === undefined ? [] : [["general.file_type", { kind: "u32", value: type }] as const]),
    ...(isCoded ? [["general.quantization_version", { kind: "u32", value: 2 }] as const] : []),
    ...own.metadata,
    ...(await tokenizerMetadata(read, config, vocabulary)),
  ]);
  const scales = frequencyTensors(own.frequencies);
  const header = headerBytes(metadata, [...tensors, ...scales.map(({ tensor }) => tensor)]);
  return {
    bytes: async function* (pieces) {
      yield header;
      const memory = sharedMemory();
      for (const tensor of tensors) yield* padded(tensor, bytesOf(tensor, pieces, memory));
      for (const { tensor, values } of scales) yield* padded(tensor, [new Uint8Array(values.buffer)]);
    },
    hollow: async (path) => {
      await writeFile(path, header);
      const weights = tensors.reduce((sum, { bytes }) => sum + bytes + padding(bytes), 0);
      await truncate(path, header.byteLength + weights);
      for (const { tensor, values } of scales)
        for await (const piece of padded(tensor, [new Uint8Array(values.buffer)])) await appendFile(path, piece);
    },
  };
}

async function* padded(
  { bytes }: Pick<FileTensor, "bytes">,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* pieces;
  yield new Uint8Array(padding(bytes));
}

/** What positions are divided by, as tensors. */
const frequencyTensors = (frequencies: FrequencyTensors) =>
  [...frequencies].map(([name, values]) => {
    const tensor: WrittenTensor = { name, type: 0, shape: [values.length], bytes: values.byteLength };
    return { tensor, values };
  });
