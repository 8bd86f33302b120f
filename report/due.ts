/** Which rows are to be made. A change of texts that leaves what is computed as it was makes no row stale. */
import { CompileError } from "../grammar/diagnostic.ts";
import { UserError } from "../runtime/user-error.ts";
import { computedBy } from "./computed.ts";
import { lacking } from "./places.ts";
import { type Found, readFound, reasonToMake, type Sources, sourcesOf, writeResult } from "./result.ts";
import type { Row } from "./rows.ts";

export interface Due {
  readonly row: Row;
  readonly sources: Sources;
  readonly reason: string;
}

/** Those that are, each with its reason. The files of the others say from then on which texts they follow from; `hear` is told of those that did not. */
export async function dueOf(rows: readonly Row[], hear: (row: Row) => void): Promise<readonly Due[]> {
  const due: Due[] = [];
  for (const row of rows) {
    const sources = sourcesOf(row);
    const reason = reasonToMake(row, sources);
    const result = readFound(row);
    const kept = result && (await keptBy(row, sources, { reason, result }));
    if (kept) {
      writeResult(row, kept);
      if (reason !== undefined) hear(row);
    } else if (reason !== undefined) due.push({ row, sources, reason });
  }
  return due;
}

/** What a row's file is to say instead where the same is computed as before; undefined where it is not, or there is nothing to say. */
export async function keptBy(
  row: Row,
  sources: Sources,
  { reason, result }: { readonly reason: string | undefined; readonly result: Found },
  computed: (row: Row) => Promise<string | undefined> = computedIfKnown,
): Promise<Found | undefined> {
  if (reason === "another command" || (reason === undefined) === (result.computes !== undefined)) return undefined;
  const computes = await computed(row);
  const isSame = computes !== undefined && [computes, undefined].includes(result.computes);
  return isSame ? { ...result, ...sources, computes } : undefined;
}

/** Undefined where its model or its text is not here, or it is refused, which whoever makes the row is told. */
export async function computedIfKnown(row: Row): Promise<string | undefined> {
  if (lacking(row).length > 0) return undefined;
  try {
    return await computedBy(row);
  } catch (error) {
    if (error instanceof UserError || error instanceof CompileError) return undefined;
    throw error;
  }
}
