/** The text of config.json, changed where it must be. Numbers stay as they are written: to Transformers `30.0` is a float, and `30` is none. */
import { isHubName } from "./hub.ts";

/** config.json with other values of some fields: their numbers or truth values, and of lists how many of their elements stay. */
export function withFields(config: string, fields: Readonly<Record<string, number | boolean>>): string {
  const { open, parts, close } = split(config);
  for (const [name, value] of Object.entries(fields)) {
    // Of a name that is there twice, the last counts.
    const at = parts.findLastIndex((part) => memberIn(part).name === name);
    const { before, old } = memberIn(parts[at] ?? "");
    if (at < 0) parts.push(`${/^\s*/.exec(parts.at(-1) ?? "")}${JSON.stringify(name)}: ${value}`);
    else if (typeof value === "boolean") parts[at] = `${before}${value}`;
    else parts[at] = before + (old.startsWith("[") ? firstOf(old, value) : numberLike(old, value));
  }
  return open + parts.join(",") + close;
}

/** The fields that say how weights are coded. */
const quantization = ["quantization_config", "compression_config"];

/** config.json with another `quantization_config`, which is JSON, or with none. */
export function withQuantization(config: string, value: string | null): string {
  const { open, parts, close } = split(config);
  const kept = parts.filter((part) => !quantization.includes(memberIn(part).name ?? ""));
  const added = value === null ? [] : [`${/^\s*/.exec(kept.at(-1) ?? "")}"quantization_config": ${value}`];
  return open + [...kept, ...added].join(",") + close;
}

/** What is between the commas of an object or a list, whatever stands in it, and what is around that. */
function split(text: string): { readonly open: string; readonly parts: string[]; readonly close: string } {
  const cuts: number[] = [];
  let depth = 0;
  for (const { 0: mark, index } of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[[{\]},]/g)) {
    const after = depth + (/^[[{]/.test(mark) ? 1 : /^[\]}]/.test(mark) ? -1 : 0);
    if (depth + after === 1 || (depth === 1 && mark === ",")) cuts.push(index);
    depth = after;
  }
  const parts = cuts.slice(1).map((cut, i) => text.slice((cuts[i] ?? 0) + 1, cut));
  const last = parts.pop() ?? "";
  const body = last.trimEnd();
  if (body !== "") parts.push(body);
  return {
    open: text.slice(0, (cuts[0] ?? 0) + 1),
    parts,
    close: last.slice(body.length) + text.slice(cuts.at(-1)),
  };
}

/** The name of a member, its value as it is written, and all that is before that. */
function memberIn(part: string): { readonly name: string | null; readonly before: string; readonly old: string } {
  const [before = "", key] = /^\s*("[^"\\]*(?:\\.[^"\\]*)*")\s*:\s*/.exec(part) ?? [];
  return { name: key === undefined ? null : JSON.parse(key), before, old: part.slice(before.length) };
}

function firstOf(list: string, count: number): string {
  const { open, parts, close } = split(list);
  return open + parts.slice(0, count).join(",") + close;
}

/** A number, as a float where the old one is a float. */
const numberLike = (old: string, value: number): string =>
  /^-?\d+[.eE]/.test(old) && /^-?\d+$/.test(String(value)) ? `${value}.0` : String(value);

/** config.json without the path from which its model was once loaded, which is another machine's or this one's. */
export const withoutPath = (config: string): string =>
  config
    .replace(/^\ufeff/, "")
    .replace(/("_name_or_path"\s*:\s*)"((?:[^"\\]|\\.)*)"/g, (entry, start: string, name: string) =>
      isHubName(name) ? entry : `${start}""`,
    );
