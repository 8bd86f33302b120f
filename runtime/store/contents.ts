/** The contents of a store: a file each that has its sha256 as its name, or, of a few bytes, text in the journal. */
import { renameSync } from "node:fs";
import { open } from "node:fs/promises";
import { explained, explainedNow, isMissing, withFile, writeExactly } from "../io/file.ts";
import { removeFolder } from "../io/folders.ts";
import { hashing, sha256 as hashOf } from "../io/hash.ts";
import type { TensorDeclaration } from "../io/safetensors.ts";
import { declaredBytes } from "../io/safetensors-writer.ts";
import type { OutputRecord } from "./journal.ts";
import { type OutputSource, piecesOf } from "./send-tensor.ts";

/** A content being written, in order; `finish` or `abandon` ends that. */
export interface ContentWriter {
  readonly write: (bytes: Uint8Array) => Promise<void>;
  readonly finish: () => Promise<Content>;
  readonly abandon: () => Promise<void>;
}

export interface Content {
  readonly record: OutputRecord;
  readonly tensor: OutputSource;
}

interface ContentPlaces {
  /** Where it is written. */
  readonly path: string;
  /** Where it lies once it is complete. */
  readonly placeOf: (sha256: string) => string;
  /** The name that messages give both. */
  readonly shownAs: string;
}

/** Up to so many bytes have no file of their own. */
const mostInJournal = 4096;

export async function writeContent(declaration: TensorDeclaration, places: ContentPlaces): Promise<ContentWriter> {
  const isSmall = declaredBytes(declaration) <= mostInJournal;
  return isSmall ? writeSmall(declaration) : writeFile(declaration, places);
}

function writeSmall({ name, dtype, shape }: TensorDeclaration): ContentWriter {
  const pieces: Uint8Array[] = [];
  return {
    write: async (bytes) => {
      pieces.push(bytes.slice());
    },
    finish: async () => {
      const bytes = Buffer.concat(pieces);
      const record = { name, dtype, shape, sha256: hashOf(bytes), content: bytes.toString("base64") };
      return { record, tensor: inMemory(record, bytes) };
    },
    abandon: async () => undefined,
  };
}

async function writeFile(declaration: TensorDeclaration, places: ContentPlaces): Promise<ContentWriter> {
  const { name, dtype, shape } = declaration;
  const { path, placeOf, shownAs } = places;
  const handle = await explained("write", shownAs, () => open(path, "wx"));
  const hash = hashing();
  let size = 0;
  return {
    write: async (bytes) => {
      await explained("write", shownAs, () => writeExactly(handle, bytes, size));
      hash.update(bytes);
      size += bytes.byteLength;
    },
    finish: async () => {
      await explained("write", shownAs, () => handle.close());
      const record = { name, dtype, shape, sha256: hash.digest("hex") };
      const place = placeOf(record.sha256);
      const known = await openContent(record, place); // which is perhaps being read
      if (known === undefined) explainedNow("write", shownAs, () => renameSync(path, place));
      else removeFolder(path);
      return { record, tensor: known ?? (await inFile(record, place)) };
    },
    abandon: async () => {
      await handle.close().catch(() => undefined);
      removeFolder(path);
    },
  };
}

/** The content of an output, compared with its hash; undefined where it is absent or damaged. */
export async function openContent(output: OutputRecord, place: string): Promise<OutputSource | undefined> {
  try {
    const { content } = output;
    const tensor =
      content === undefined ? await inFile(output, place) : inMemory(output, Buffer.from(content, "base64"));
    if (tensor.bytes !== declaredBytes(output)) return undefined;
    const hash = hashing();
    for await (const { piece } of tensor.pieces()) hash.update(piece);
    return hash.digest("hex") === output.sha256 ? tensor : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function inMemory(
  { name, dtype, shape, sha256 }: OutputRecord,
  { buffer, byteOffset, byteLength }: Buffer,
): OutputSource {
  const pieces = async function* (start = 0, end = byteLength) {
    const bytes = new Uint8Array(Math.ceil((end - start) / 4) * 4); // whose reader may pad it
    bytes.set(new Uint8Array(buffer, byteOffset + start, end - start));
    yield { piece: bytes.subarray(0, end - start), at: start };
  };
  return { name, dtype, shape, sha256, bytes: byteLength, pieces };
}

/** The whole of a file as a tensor. */
async function inFile({ name, dtype, shape, sha256 }: OutputRecord, path: string): Promise<OutputSource> {
  const { size: bytes, stamp } = await withFile(path, async (file) => file);
  const tensor = { name, dtype, shape, bytes };
  return { ...tensor, sha256, pieces: (start, end) => piecesOf({ ...tensor, path, stamp, offset: 0 }, start, end) };
}
