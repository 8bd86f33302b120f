/** The tokens that are found in a text as a whole, as Transformers gathers them from the files of a tokenizer. */
import { isJsonObject, type JsonObject } from "./file.ts";

/** What the files say of them. */
interface Sources {
  /** The list in tokenizer.json. */
  readonly stored: unknown;
  /** tokenizer_config.json, completed by special_tokens_map.json and by what the tokenizer's class adds. */
  readonly settings: JsonObject;
  /** added_tokens.json: ids by text. */
  readonly beside: JsonObject;
  /** Whether the tokenizer's class leaves out what tokenizer_config.json does not list, if it lists any. */
  readonly isRebuilt: boolean;
}

/** The order in which Transformers adds those that have a name; others follow. */
const usual = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"].map((name) => `${name}_token`);

/** The added tokens in the order in which they get ids; of two with the same text the later one says how it is found. */
export function gatherTokens(sources: Sources): readonly JsonObject[] {
  const { settings } = sources;
  const tokens = new Map(listed(sources).map((token) => [tokenText(token), token]));
  const extra = [settings["extra_special_tokens"], settings["additional_special_tokens"]].find(
    (given) => typeof given === "object" && given !== null && Object.keys(given).length > 0,
  );
  const named = { ...settings, ...(isJsonObject(extra) ? extra : {}) };
  const others = Object.keys(named).filter((key) => key.endsWith("_token") && !usual.includes(key));
  const special = [...usual, ...others].map((key) => named[key]);
  for (const token of [...special, ...(Array.isArray(extra) ? extra : [])]) {
    const content = tokenText(token);
    if (content === "" || tokens.has(content)) continue;
    tokens.set(content, { special: true, ...(isJsonObject(token) ? token : {}), content });
  }
  return [...tokens.values()];
}

/** Those that a file lists one by one. */
function listed({ stored, settings, beside, isRebuilt }: Sources): readonly JsonObject[] {
  const own: readonly JsonObject[] = Array.isArray(stored) ? stored.filter(isJsonObject) : [];
  const decoder = settings["added_tokens_decoder"];
  if (isJsonObject(decoder)) {
    const given = Object.entries(decoder).sort(([a], [b]) => Number(a) - Number(b));
    return [...(isRebuilt ? [] : own), ...given.map(([, token]) => token).filter(isJsonObject)];
  }
  const known = new Set(own.map(tokenText));
  const others = Object.entries(beside).filter(([content]) => !known.has(content));
  return [...own, ...others.map(([content, id]) => ({ id, content }))].sort((a, b) => idOf(a) - idOf(b));
}

const idOf = ({ id }: JsonObject): number => (typeof id === "number" ? id : 0);

/** The text of a token: the text itself or an object with it. */
export const tokenText = (value: unknown): string => {
  const text = isJsonObject(value) ? value["content"] : value;
  return typeof text === "string" ? text : "";
};
