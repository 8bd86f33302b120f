/**
 * The table of replacements that SentencePiece compiles into its models: a double array (Darts) of keys in UTF-8, then the
 * replacements, each ending in a zero byte.
 */
import { type Part, unsupported } from "./part.ts";
import { remembering } from "./remember.ts";

/** The normalizer of a table in Base64. A cluster of characters is replaced as one, if it is short and a key starts it, else each of its own. */
export function charsmapOf(base64: string, part: Part): (text: string) => string {
  const bytes = Buffer.from(base64, "base64");
  const size = bytes.length >= 4 ? bytes.readUInt32LE(0) : 0;
  if (size === 0 || size % 4 !== 0 || 4 + size > bytes.length) throw unsupported(part, "a table that is cut off");
  const units = Uint32Array.from({ length: size / 4 }, (_, i) => bytes.readUInt32LE(4 + 4 * i));
  const replacements = bytes.subarray(4 + size);
  const replacement = (key: string): string | undefined => {
    const at = firstPrefix(units, Buffer.from(key));
    if (at === undefined) return undefined;
    const end = replacements.indexOf(0, at);
    return replacements.toString("utf8", at, end < 0 ? undefined : end);
  };
  const byCharacter = remembering((character) => replacement(character) ?? character);
  const byCluster = remembering((cluster) => {
    const whole = Buffer.byteLength(cluster) < 6 ? replacement(cluster) : undefined;
    return whole ?? Array.from(cluster, byCharacter).join("");
  });
  return (text) => {
    let done = "";
    for (const { segment } of clusters.segment(text)) done += byCluster(segment);
    return done;
  };
}

const clusters = new Intl.Segmenter("en", { granularity: "grapheme" });

/** The value of the shortest key that starts these bytes. */
function firstPrefix(units: Uint32Array, key: Uint8Array): number | undefined {
  const offset = (unit: number): number => (unit >>> 10) << ((unit & 512) >>> 6);
  let at = offset(units[0] ?? 0);
  for (const byte of key) {
    if (byte === 0) return undefined;
    at ^= byte;
    const unit = units[at] ?? 0;
    if ((unit & 0x800000ff) !== byte) return undefined;
    at ^= offset(unit);
    if ((unit >>> 8) & 1) return (units[at] ?? 0) & 0x7fffffff;
  }
  return undefined;
}
