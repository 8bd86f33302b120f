/** Folders of models with something changed. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import type { TensorDeclaration } from "../../runtime/io/safetensors.ts";
import { declaredBytes, SafetensorsWriter } from "../../runtime/io/safetensors-writer.ts";
import { readTensor } from "../io/tensors.ts";

export interface Kept extends TensorDeclaration {
  readonly bytes: Uint8Array;
}

/** Does something to a folder. */
export type Change = (folder: string) => Promise<void> | void;

/** Writes the tensors again, one of them as others, or not at all. */
export const inTensors =
  (of: string, change: (tensor: Kept) => readonly Kept[]): Change =>
  async (folder) => {
    const path = join(folder, "model.safetensors");
    const kept: Kept[] = [];
    for (const [name, tensor] of (await openCheckpoint(folder)).tensors) {
      const { dtype, shape } = tensor;
      const whole = { name, dtype, shape, bytes: await readTensor(tensor) };
      kept.push(...(name === of ? change(whole) : [whole]));
    }
    const writer = await SafetensorsWriter.create(`${path}.new`, kept);
    for (const { name, bytes } of kept) await writer.write(name, bytes);
    await writer.close();
    renameSync(`${path}.new`, path);
  };

/** A tensor of another form, of zeros. */
export const formed =
  (dtype: TensorDeclaration["dtype"], shape: readonly number[]) =>
  ({ name }: Kept): readonly Kept[] => [
    { name, dtype, shape, bytes: new Uint8Array(declaredBytes({ name, dtype, shape })) },
  ];

export const configOf = (folder: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));

/** Changes what config.json says of codes. */
export const inQuantization =
  <T>(change: (quantization: T) => void): Change =>
  (folder) => {
    const config = configOf(folder);
    change(config["quantization_config"] as T);
    writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  };
