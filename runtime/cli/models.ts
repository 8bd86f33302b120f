/** Models that the command line names, as the compiler and the runtime know them. */
import { describeBlocks } from "../../compiler/target/blocks.ts";
import { type Checkpoint, openCheckpoint, withFields } from "../io/checkpoint.ts";
import { libraryHost } from "./host.ts";

/** Opens a model: a folder, or a GGUF file as the folder that it would have come from, whose codes lie field by field. */
export async function openModel(path: string): Promise<Checkpoint> {
  const checkpoint = await openCheckpoint(path);
  const { blocks } = checkpoint;
  return blocks.length === 0 ? checkpoint : withFields(checkpoint, describeBlocks(libraryHost(), blocks));
}
