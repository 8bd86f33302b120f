/**
 * Whether lines of YAML are of the plain kind that cards of models have, and whole: keys, lists, texts of all forms, no tab before
 * them. What is carried from one card into another must not break it; what is not understood here counts as not plain.
 */

/** A level of keys or of list items, by the column where it begins. */
interface Level {
  readonly column: number;
  readonly kind: "keys" | "items";
}

const quotedText = /"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'/g;
const wholeQuoted = new RegExp(`^(?:${quotedText.source})\\s*(?:#.*)?$`);
const keyAndValue = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[\p{L}\p{N}_/][^:#"'[\]{}]*?)\s*:(?:\s+(.*))?$/u;
const plainText = /^(?:[^\s\-?:,[\]{}#&*!|>'"%@`]|[-?:](?=\S))(?:(?!:\s|:$)[^\t])*$/u;

/** Whether each of the lines stands where it may, and holds a whole value. */
export function isPlainYaml(lines: readonly string[]): boolean {
  const rest = lines.filter((line) => line.trim() !== "");
  const levels: Level[] = [{ column: 0, kind: "keys" }];
  let mayOpen = false;
  for (let line = rest.shift(); line !== undefined; line = rest.shift()) {
    if (/^ *#/.test(line)) continue;
    const start = enterItems(levels, line, mayOpen);
    if (start === undefined) return false;
    const { column, content, isItem } = start;
    const pair = keyAndValue.exec(content);
    const isPlaced = pair ? enter(levels, { column, kind: "keys" }, mayOpen || isItem) : isItem;
    const value = (pair ? (pair[2] ?? "") : content).trim();
    mayOpen = /^(?:#|$)/.test(value);
    if (!isPlaced || !(mayOpen || isValue(value, rest, depth(line)))) return false;
  }
  return true;
}

/** Goes to the levels of the dashes at the beginning of a line; undefined if one may not stand there. */
function enterItems(levels: Level[], line: string, mayOpen: boolean) {
  const [, indent = "", dashes = "", content = ""] = /^( *)((?:-(?: +|$))*)(.*)$/.exec(line) ?? [];
  let column = indent.length;
  for (const [i, [dash]] of [...dashes.matchAll(/- */g)].entries()) {
    if (!enter(levels, { column, kind: "items" }, mayOpen || i > 0)) return undefined;
    column += dash.length;
  }
  return { column, content, isItem: dashes !== "" };
}

/** Goes to the level of a key or an item; a deeper one must be expected, and a list may stand right below its key. */
function enter(levels: Level[], { column, kind }: Level, mayOpen: boolean): boolean {
  const isPast = (level: Level): boolean =>
    level.column > column || (level.column === column && level.kind === "items" && kind === "keys");
  while (levels.length > 1 && isPast(levels.at(-1) as Level)) levels.pop();
  const last = levels.at(-1) as Level;
  if (last.column === column && last.kind === kind) return true;
  if (!mayOpen || column < last.column || (column === last.column && kind === "keys")) return false;
  levels.push({ column, kind });
  return true;
}

/** Whether a value is whole, with those of the following lines that belong to it, which are taken away. */
function isValue(value: string, rest: string[], indent: number): boolean {
  const belongs = (): boolean => depth(rest[0] ?? "") > indent;
  if (/^[|>][-+]?(?:\s+#.*)?$/.test(value)) {
    const first = depth(rest[0] ?? "");
    while (belongs()) if (depth(rest.shift() ?? "") < first) return false;
    return true;
  }
  if (/^[[{]/.test(value)) {
    let all = value;
    while (!isWholeList(all) && belongs()) all += ` ${rest.shift()?.trim()}`;
    return isWholeList(all);
  }
  return wholeQuoted.test(value) || plainText.test(value.replace(/\s+#.*$/, ""));
}

/** Spaces before a line. */
const depth = (line: string): number => /^ */.exec(line)?.[0].length ?? 0;

/** A list in brackets or keys in braces, with all that they open closed. */
function isWholeList(text: string): boolean {
  let bare = text.replace(/\s+#.*$/, "").replace(quotedText, "x");
  if (/["'&*!|>%@`#]|:\s[^,\]}]*:\s|[[{,]\s*,|\t/.test(bare)) return false;
  for (let before = ""; before !== bare; ) {
    before = bare;
    bare = bare.replace(/\[[^[\]{}]*\]|\{[^[\]{}]*\}/g, "x");
  }
  return bare === "x";
}
