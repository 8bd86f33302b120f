/** Texts that are to be continued. */
import { Ids } from "../tokenizer/ids.ts";
import { UserError } from "../user-error.ts";
import { isJsonObject, readText } from "./file.ts";
import { byteOrderMark, jsonIn, lines } from "./lines.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** The token ids of a text that goes on: with what stands before a text, and not with what stands behind it. */
export function encodePrompt(
  text: string,
  { encode, opening, head }: Pick<Tokenizer, "encode" | "opening" | "head">,
): Int32Array {
  const ids = new Ids();
  ids.pushAll(opening);
  encode(text, ids, () => undefined);
  if (ids.length === 0 && head !== undefined) ids.push(head);
  if (ids.length > 0) return ids.taken();
  throw new UserError(
    "an empty prompt has no token, and the model's files name none that begins a text; give a prompt",
  );
}

/** The texts of a file, with what messages call them: a `.txt` is one, a `.jsonl` has one in `prompt` a line. */
export async function readPrompts(path: string): Promise<readonly { readonly text: string; readonly name: string }[]> {
  if (path.endsWith(".txt")) return [{ text: (await readText(path)).replace(byteOrderMark, ""), name: path }];
  const found: { readonly text: string; readonly name: string }[] = [];
  for await (const { bytes, number } of lines(path)) {
    const name = `${path}, line ${number},`;
    const item = jsonIn(bytes, name);
    if (item === undefined) continue;
    const text = isJsonObject(item) ? item["prompt"] : undefined;
    if (typeof text !== "string" || !text.isWellFormed())
      throw new UserError(`${name} must be a JSON object with a text in "prompt"; mend or remove it`);
    found.push({ text, name });
  }
  if (found.length === 0) throw new UserError(`${path} is empty; give prompts, one a line`);
  return found;
}
