/** Which layers are coded, by what config.json says of those that are not. */
import { isObject, type Json } from "./json.ts";
import type { Said, Table } from "./table.ts";

/** A linear layer by its path, `model.layers.0.mlp.up_proj`. */
export interface Place {
  readonly path: string;
  readonly isOutside: boolean;
}

/** Why it cannot be known which layers one group leaves out; null if it can. */
export function unlistedBy({ left_out: left }: Table, said: Said): string | null {
  const listed = said.get(left.variable) ?? null;
  const targets = said.get(left.targets ?? "") ?? null;
  const isKeyed = left.by === "patterns";
  const odd = [...(isKeyed ? [] : [listed]), targets].find((list) => list !== null && !isOfTexts(list));
  if (odd !== undefined) return `the layers that it lists are ${JSON.stringify(odd)}, which is no list of texts`;
  if (isKeyed && listed !== null && !isObject(listed))
    return `the layers that it lists are ${JSON.stringify(listed)}, which is no object`;
  const texts = isKeyed ? Object.keys(listed ?? {}) : [...textsIn(listed), ...textsIn(targets)];
  const prefix = { patterns: "-:", names: "re:", modules: "" }[left.by];
  const patterns = texts.flatMap((text) => (text.startsWith(prefix) ? [text.slice(prefix.length)] : []));
  const unread = patterns.find((pattern) => !isPattern(pattern));
  return unread === undefined ? null : `the pattern \`${unread}\`, by which it lists layers, is not understood`;
}

/** Whether a pattern of Python is one here, with the same meaning. */
function isPattern(pattern: string): boolean {
  try {
    return new RegExp(pattern) instanceof RegExp && !/\\[AZ]/.test(pattern);
  } catch {
    return false;
  }
}

const isOfTexts = (list: Json): boolean => Array.isArray(list) && list.every((each) => typeof each === "string");

/** Whether a layer is coded as one group says; a text where that cannot be known. */
export function isCoded({ left_out: left, outside }: Table, said: Said, { path, isOutside }: Place): boolean | string {
  const listed = said.get(left.variable) ?? null;
  const isMeant = isOutside
    ? outside === true || (typeof outside === "string" && said.get(outside.slice(1, -1)) === true)
    : true;
  if (!isMeant) return false;
  switch (left.by) {
    case "patterns":
      return keptByPatterns(listed, path);
    case "modules":
      return !textsIn(listed).some((name) => path.endsWith(name) || matches(`(?:${name})(?:(?<=\\.)|(?=\\.|$))`, path));
    case "names": {
      const targets = textsIn(said.get(left.targets ?? "") ?? null);
      const isNamed = (names: readonly string[]): boolean =>
        names.some((name) => name === left.class || isNameOf(name, path));
      return isNamed(targets) && !textsIn(listed).some((name) => isNameOf(name, path));
    }
  }
}

/** Keys are `-:` and a regular expression of what is left out; others say that layers are coded otherwise. */
function keptByPatterns(listed: Json, path: string): boolean | string {
  if (!isObject(listed)) return true;
  const other = Object.keys(listed).find((key) => !key.startsWith("-:"));
  if (other !== undefined) return `layers of \`${other}\` are coded otherwise`;
  return !Object.keys(listed).some((key) => matches(key.slice(2), path));
}

const isNameOf = (name: string, path: string): boolean =>
  name.startsWith("re:") ? matches(name.slice(3), path) : name === path;

/** As Python's `re.match`, from the start on. */
const matches = (pattern: string, path: string): boolean => new RegExp(`^(?:${pattern})`).test(path);

const textsIn = (list: Json): readonly string[] =>
  Array.isArray(list) ? list.filter((each) => typeof each === "string") : [];

/** How some layers are listed as not coded. */
export function listOf({ left_out: left }: Table, paths: readonly string[]): Json {
  if (left.by !== "patterns") return paths;
  return Object.fromEntries(paths.map((path) => [`-:^${path.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`, {}]));
}
