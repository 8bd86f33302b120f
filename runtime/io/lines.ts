/** Files of lines that each hold something: documents, or items of a task. */
import { createReadStream } from "node:fs";
import { showBytes } from "../../compiler/plan/bytes.ts";
import { UserError } from "../user-error.ts";
import { decodeUtf8, parseJson, withFile } from "./file.ts";

/** What some editors write before a text: the name of its encoding, and no character of it. */
export const byteOrderMark = /^\uFEFF/;

/** Bytes of what is encoded at once: a stream, or the line of a document. */
export const largestText = 128 * 2 ** 20;

/** The JSON value in a line; undefined if it is blank. */
export function jsonIn(bytes: Uint8Array, where: string): unknown {
  const line = decodeUtf8(bytes, where).replace(byteOrderMark, "").trim();
  return line === "" ? undefined : parseJson(line, where);
}

export interface Line {
  readonly bytes: Uint8Array;
  readonly number: number;
  /** The bytes before it. */
  readonly start: number;
}

/** The lines of a file, cut at line feeds alone: JSON may hold the other characters that end a line. */
export async function* lines(path: string): AsyncGenerator<Line> {
  await withFile(path, async () => {}); // says what is wrong with the file, if anything is
  let rest: Uint8Array[] = [];
  let [number, start, held] = [1, 0, 0];
  const line = (last: Uint8Array): Line => {
    const bytes = Buffer.concat([...rest, last]);
    const found = { bytes, number, start };
    rest = [];
    number += 1;
    start += bytes.length + 1;
    held = 0;
    return found;
  };
  for await (const part of createReadStream(path) as AsyncIterable<Uint8Array>) {
    let from = 0;
    for (let end = part.indexOf(10); end >= 0; end = part.indexOf(10, from)) {
      yield line(part.subarray(from, end));
      from = end + 1;
    }
    rest.push(part.subarray(from));
    held += part.length - from;
    if (held > largestText)
      throw new UserError(
        `${path}, line ${number}, is longer than ${showBytes(largestText)}; write a document a line, or split it`,
      );
  }
  yield line(new Uint8Array(0));
}
