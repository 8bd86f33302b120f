/** What is reported along a dimension, for people: what belongs together stands side by side. */

/** What a run reports along dimensions, by its text, and what its models are called. */
interface Reported {
  readonly series: Readonly<Record<string, readonly number[]>>;
  readonly along: Readonly<Record<string, string>>;
  readonly asked: Readonly<Record<"models" | "stages", readonly { readonly name: string }[]>>;
}

/** Curves of one thing, of several models or in several fields of a record. */
export interface Curves {
  readonly title: string;
  /** The dimension that they run along. */
  readonly along: string;
  /** By model, or by field; one without a name where it is alone. */
  readonly each: ReadonlyMap<string, readonly number[]>;
}

/** A point of a curve: the mean of those from `first` to `last`. */
export interface Point {
  readonly first: number;
  readonly last: number;
  readonly number: number;
}

/** Series that differ in their models alone are together, and of the others those that are fields of one record. */
export function curvesOf({ series, along, asked: { models, stages } }: Reported): readonly Curves[] {
  const names = new RegExp(`\\b(?:${[...models, ...stages].map(({ name }) => name).join("|")})\\b`, "g");
  const keyOf = (text: string, title: string): string => JSON.stringify([along[text], title]);
  const texts = Object.keys(series).map((text): Named => {
    const [, record = text, name = ""] = field.exec(text) ?? [];
    return {
      text,
      ofModels: { title: text.replace(names, "·"), name: (text.match(names) ?? []).join(", ") },
      inRecord: { title: record, name },
    };
  });
  const alike = Map.groupBy(texts, ({ text, ofModels }) => keyOf(text, ofModels.title));
  const alone = [...alike.values()].flatMap((some) => (some.length > 1 ? [] : some));
  const records = Map.groupBy(alone, ({ text, inRecord }) => keyOf(text, inRecord.title));
  const places = texts.map(({ text, ofModels, inRecord }) => {
    if ((alike.get(keyOf(text, ofModels.title)) ?? []).length > 1) return { text, ...ofModels };
    const isAlone = records.get(keyOf(text, inRecord.title))?.length === 1;
    return isAlone ? { text, title: text, name: "" } : { text, ...inRecord };
  });
  return [...Map.groupBy(places, ({ text, title }) => keyOf(text, title)).values()].map((some) => ({
    title: some[0]?.title ?? "",
    along: along[some[0]?.text ?? ""] ?? "",
    each: new Map(some.map(({ text, name }) => [name, series[text] ?? []])),
  }));
}

interface Place {
  readonly title: string;
  readonly name: string;
}

/** A series, and where it would stand among those of models, and among those of its record. */
interface Named {
  readonly text: string;
  readonly ofModels: Place;
  readonly inRecord: Place;
}

/** `record.field`, of a field that is no number. */
const field = /^(.*)\.([^\W\d]\w*)$/s;

/** How many neighbours a point stands for where at most so many are shown. */
export const neighbours = ({ each }: Curves, most: number): number =>
  Math.max(1, Math.ceil(Math.max(...[...each.values()].map(({ length }) => length)) / most));

/** A curve of the means of so many neighbours. */
export const pointsOf = (numbers: readonly number[], together: number): readonly Point[] =>
  Array.from({ length: Math.ceil(numbers.length / together) }, (_, i) => {
    const some = numbers.slice(i * together, (i + 1) * together);
    const first = i * together;
    return { first, last: first + some.length - 1, number: some.reduce((sum, one) => sum + one, 0) / some.length };
  });
