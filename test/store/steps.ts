/** Steps with one output, recorded in a store. */
import type { StepRecord } from "../../runtime/store/journal.ts";
import type { TensorSource } from "../../runtime/store/send-tensor.ts";
import type { StoreFolder } from "../../runtime/store/store-folder.ts";

/** Makes a step's output `out` of these bytes, in two pieces. */
export async function recordStep(
  store: StoreFolder,
  key: string,
  bytes: Uint8Array,
  action = "wanda(sparsity: 50%)",
): Promise<StepRecord> {
  const writer = await store.create({ name: "out", dtype: "U8", shape: [bytes.byteLength] });
  await writer.write(bytes.subarray(0, 3));
  await writer.write(bytes.subarray(3));
  const { record: output, tensor } = await writer.finish();
  const part = { of: "sparse", action, layer: 0, what: "q" };
  const record = { key, part, graph: "p", device: "d", over: null, reads: { w: "k" }, outputs: [output], seconds: 1 };
  store.record(record);
  store.release(tensor);
  return record;
}

/** The bytes of a step's output; undefined where it is not there, or damaged. */
export async function outputOf(store: StoreFolder, key: string): Promise<Uint8Array | undefined> {
  const [output] = store.find(key)?.outputs ?? [];
  const tensor = output && (await store.open(key, output));
  if (tensor === undefined) return undefined;
  const bytes = await bytesOf(tensor);
  store.release(tensor);
  return bytes;
}

/** What a source holds. */
export async function bytesOf({ pieces }: TensorSource): Promise<Uint8Array> {
  const found: number[] = [];
  for await (const { piece } of pieces()) found.push(...piece);
  return Uint8Array.from(found);
}
