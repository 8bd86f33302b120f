/**
 * The front matter of a model's card: YAML between two lines `---`. Its entries are carried over as the lines that they are; what is
 * not plainly a list of entries is not read at all.
 */
import type { JsonObject } from "./file.ts";
import { isHubName } from "./hub.ts";
import { isPlainYaml } from "./plain-yaml.ts";

/** A key at the top, with all lines of its entry. */
export interface CardEntry {
  readonly key: string;
  readonly lines: readonly string[];
}

/** The entries of a card's front matter, none if it has none; undefined if it has one that cannot be read safely. */
export function frontMatter(card: string): readonly CardEntry[] | undefined {
  const [first, ...rest] = card.replace(/^\ufeff/, "").split(/\r?\n/);
  if (first?.trimEnd() !== "---") return [];
  const end = rest.findIndex((line) => line.trimEnd() === "---");
  const found = end < 0 ? undefined : entriesOf(rest.slice(0, end));
  const keys = new Set(found?.map(({ key }) => key));
  const isSafe = keys.size === found?.length && found.every(({ key, lines }) => untrue.has(key) || isPlainYaml(lines));
  return isSafe ? found : undefined;
}

/** `key:`, and what may follow where the value begins: no anchor, alias or type. */
const keyLine = /^(?:"([\w-]+)"|([A-Za-z_][\w-]*))\s*:(?:$|\s+(?![&*!]))/;

function entriesOf(lines: readonly string[]): readonly CardEntry[] | undefined {
  const found: { key: string; lines: string[] }[] = [];
  for (const line of lines) {
    if (/[^\P{C}\t\u200c\u200d]|\ufffd/u.test(line)) return undefined;
    const [, quoted, plain] = keyLine.exec(line) ?? [];
    const key = quoted ?? plain;
    if (key !== undefined) found.push({ key, lines: [line] });
    else if (found.length > 0 && /^(\s|-(\s|$)|#|$)/.test(line)) found.at(-1)?.lines.push(line);
    else if (!/^\s*(#|$)/.test(line)) return undefined;
  }
  return found;
}

/** What is true of the model as it was, or about its own card, and not of a result. */
const untrue: ReadonlySet<string> = new Set([
  ...[
    "model-index",
    "eval_results",
    "base_model_relation",
    "quantized_by",
    "new_version",
    "co2_eq_emissions",
    "thumbnail",
  ],
  ...["library_name", "base_model", "tags", "widget", "inference"],
]);

/** The front matter of a result, between its `---`: what holds for both models, and the model that it was made from. */
export function resultFrontMatter(
  card: readonly CardEntry[],
  { hubName: known, config }: { readonly hubName: string | null; readonly config: JsonObject },
  library = "transformers",
): readonly string[] {
  const kept = card.filter(({ key }) => !untrue.has(key)).flatMap(({ lines }) => lines);
  const given = config["_name_or_path"];
  const inConfig = typeof given === "string" && given.includes("/") ? [given] : [];
  const cardBases = valuesOf(card, "base_model").map((name) => name.replace(/^(["'])(.*)\1$/, "$2"));
  const bases = (known === null ? [...(cardBases.length > 0 ? cardBases : inConfig)] : [known]).filter(isHubName);
  const base =
    bases.length > 1
      ? ["base_model:", ...bases.map((name) => `- ${name}`)]
      : bases.map((name) => `base_model: ${name}`);
  const tags = valuesOf(card, "tags").filter((tag) => tag !== "lcomp");
  return [
    "---",
    ...kept,
    ...base,
    `library_name: ${library}`,
    "tags:",
    ...[...tags, "lcomp"].map((tag) => `- ${tag}`),
    "---",
  ];
}

/** The values of an entry that is one value or a plain list, as they are written. */
function valuesOf(card: readonly CardEntry[], key: string): readonly string[] {
  const [first = "", ...rest] = card.find((entry) => entry.key === key)?.lines ?? [];
  const inLine = first
    .slice(first.indexOf(":") + 1)
    .replace(/\s#.*$/, "")
    .trim();
  const isFlow = inLine.startsWith("[") && inLine.endsWith("]");
  const items = isFlow
    ? inLine.slice(1, -1).split(",")
    : [inLine, ...rest.map((line) => /^\s*-\s+(.*)$/.exec(line)?.[1] ?? "")];
  const values = items.map((item) => item.replace(/\s#.*$/, "").trim());
  return values.filter(
    (value) => /^(["']?)[\p{L}\p{N}_./+][\p{L}\p{N}_./ +:-]*\1$/u.test(value) && !/:(\s|$)/.test(value),
  );
}
