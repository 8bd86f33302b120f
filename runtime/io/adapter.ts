/** An adapter beside the weights of a folder, in a folder of its own, as PEFT writes one. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type JsonObject, jsonObject, readText } from "./file.ts";
import { readHeader, type StoredTensor } from "./safetensors.ts";

/** Its folder and its files. */
export const adapterFolder = "adapter/";
export const adapterConfigName = "adapter_config.json";
export const adapterFile = "adapter_model.safetensors";

/** What config.json says, with what the adapter's own config does. */
export const withAdapter = (config: JsonObject, adapter: string | undefined): JsonObject =>
  adapter === undefined ? config : { ...config, adapter_config: jsonObject(adapter, adapterConfigName) };

/** The config of a folder of codes with that of its adapter, and the adapter's tensors; null for any other folder. */
export async function openAdapter(
  folder: string,
  config: JsonObject,
): Promise<{ readonly config: JsonObject; readonly tensors: readonly StoredTensor[] } | null> {
  const place = join(folder, adapterFolder);
  if (config["quantization_config"] == null || !existsSync(join(place, adapterConfigName))) return null;
  const { tensors } = await readHeader(join(place, adapterFile));
  return { config: withAdapter(config, await readText(join(place, adapterConfigName))), tensors };
}
