/** An adapter beside the weights of a folder, in a folder of its own, as PEFT writes one. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type JsonObject, readJsonObject } from "./file.ts";
import { readHeader, type StoredTensor } from "./safetensors.ts";

/** Its folder and its files. */
export const adapterFolder = "adapter/";
export const adapterConfigName = "adapter_config.json";
export const adapterFile = "adapter_model.safetensors";

/** The config and the tensors of the adapter in a folder of codes; null for any other folder. */
export async function openAdapter(
  folder: string,
  config: JsonObject,
): Promise<{ readonly config: JsonObject; readonly tensors: readonly StoredTensor[] } | null> {
  const place = join(folder, adapterFolder);
  if (config["quantization_config"] == null || !existsSync(join(place, adapterConfigName))) return null;
  const { tensors } = await readHeader(join(place, adapterFile));
  return { config: await readJsonObject(place, adapterConfigName), tensors };
}
