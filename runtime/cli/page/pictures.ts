/** The pictures of pages, as Vega-Lite has them: data, and which of it stands where. Colours are the page's. */
import type { TopLevelSpec } from "vega-lite";
import { showBytes, unitOf } from "../../../compiler/plan/bytes.ts";
import { type Curves, neighbours, pointsOf } from "../series.ts";

/** A picture for `draw`. */
export interface Picture {
  readonly title: string;
  /** What it shows, for who cannot see it. */
  readonly says: string;
  readonly drawing: TopLevelSpec;
}

/** A number of each layer of the blocks. */
export interface LayerNumber {
  readonly layer: number;
  readonly what: string;
  readonly number: number;
}

const ink = "currentColor";
const guide = {
  ...{ labelColor: ink, titleColor: ink, labelFontSize: 12, titleFontSize: 12 },
  titleFontWeight: "normal" as const,
};
const colours = ["var(--mark-1)", "var(--mark-2)", "var(--mark-3)", "var(--mark-4)"] as const;

/** What all have in common. */
const appearance: Pick<TopLevelSpec, "background" | "padding" | "config"> = {
  background: "transparent",
  padding: 4,
  config: {
    font: "system-ui, sans-serif",
    aria: false,
    view: { stroke: null, continuousWidth: 300, continuousHeight: 180 },
    axis: { ...guide, domainColor: ink, tickColor: ink, gridColor: ink, gridOpacity: 0.15 },
    legend: guide,
    range: { category: [...colours] },
    mark: { color: colours[0] },
    text: { color: ink, fontSize: 12 },
  },
};

/** From the least to the greatest, in words. */
const span = (numbers: readonly number[], shown: (number: number) => string): string =>
  `from ${shown(Math.min(...numbers))} to ${shown(Math.max(...numbers))}`;

export const short = (number: number): string => String(Number(number.toPrecision(3)));

/** A square for each layer, the darker the greater; the darkest is the greatest, or as great as `most`. */
export function layerMap(
  title: string,
  numbers: readonly LayerNumber[],
  most = Math.max(...numbers.map(({ number }) => number)),
): Picture {
  const values = numbers.map(({ number }) => number);
  const blocks = Math.max(...numbers.map(({ layer }) => layer)) + 1;
  return {
    title,
    says: `${title}, by block and layer: ${span(values, short)}`,
    drawing: {
      ...appearance,
      data: { values: numbers },
      width: { step: blocks > 40 ? 9 : 18 },
      height: { step: 18 },
      mark: { type: "rect" },
      encoding: {
        x: {
          field: "layer",
          type: "ordinal",
          title: "block",
          axis: { labelAngle: 0, labelOverlap: true, ticks: false },
        },
        y: { field: "what", type: "nominal", sort: null, title: null, axis: { ticks: false } },
        opacity: {
          field: "number",
          type: "quantitative",
          title: null,
          scale: { domain: [0, most], range: [0.05, 1] },
          legend: { symbolType: "square", symbolSize: 150, symbolFillColor: colours[0], symbolStrokeWidth: 0 },
        },
      },
    },
  };
}

/** At most so many points of a curve are drawn; of more, the means of neighbours. */
const mostPoints = 300;

/** A line for each series of numbers along a dimension. */
export function curves(given: Curves): Picture {
  const { title, along, each: series } = given;
  const each = neighbours(given, mostPoints);
  const lines = [...series].map(([name, numbers]) => ({
    name,
    points: pointsOf(numbers, each).map(({ first, last, number }) => ({ at: (first + last) / 2, number })),
  }));
  const shown = [...series].map(([name, numbers]) => `${name} ${span(numbers, short)}`.trimStart());
  const says = `${title}, along ${along}: ${shown.join("; ")}`;
  return { title: each > 1 ? `${title} (means of ${each})` : title, says, drawing: drawnLines(along, lines) };
}

/** What a line goes through, from the left to the right. */
export interface Line {
  readonly name: string;
  readonly points: readonly { readonly at: number; readonly number: number }[];
}

/** A line through numbers at places along something. */
export function linesThrough(title: string, along: string, lines: readonly Line[]): Picture {
  const shown = lines.map(({ name, points }) =>
    [name, points.map(({ at, number }) => `${short(number)} at ${at}`).join(", ")].join(": "),
  );
  return { title, says: `${title}, along ${along}: ${shown.join("; ")}`, drawing: drawnLines(along, lines) };
}

function drawnLines(along: string, lines: readonly Line[]): TopLevelSpec {
  const points = lines.flatMap(({ name, points }) => points.map((point) => ({ ...point, name })));
  return {
    ...appearance,
    data: { values: points },
    mark: { type: "line", point: points.length <= 60 * lines.length, strokeWidth: 1.5 },
    encoding: {
      x: {
        field: "at",
        type: "quantitative",
        title: along,
        axis: { tickMinStep: 1, grid: false },
        scale: { nice: false },
      },
      y: { field: "number", type: "quantitative", title: null, scale: { zero: false } },
      ...(lines.length > 1 && {
        color: {
          field: "name",
          type: "nominal",
          sort: null,
          title: null,
          legend: { orient: "top", columns: 1, labelLimit: 300 },
        },
      }),
    },
  };
}

/** A bar for each name, with its number as people read it. */
export function bars(
  title: string,
  numbers: readonly { readonly name: string; readonly number: number; readonly shown: string }[],
): Picture {
  const y = {
    field: "name",
    type: "nominal",
    sort: null,
    title: null,
    axis: { ticks: false, domain: false, labelLimit: 260 },
  } as const;
  const most = Math.max(...numbers.map(({ number }) => number));
  const x = {
    field: "number",
    type: "quantitative",
    axis: null,
    scale: { domainMin: 0, domainMax: 1.35 * most || 1 },
  } as const;
  return {
    title,
    says: `${title}: ${numbers.map(({ name, shown }) => `${name} ${shown}`).join(", ")}`,
    drawing: {
      ...appearance,
      data: { values: numbers },
      height: { step: 22 },
      width: 200,
      encoding: { y, x },
      layer: [
        { mark: { type: "bar", height: 12 } },
        { mark: { type: "text", align: "left", dx: 4 }, encoding: { text: { field: "shown" } } },
      ],
    },
  };
}

/** What can be had for so many bytes. */
export interface Offer {
  readonly name: string;
  readonly bytes: number;
  readonly loss: number;
}

/** The offers that no other one beats in both, from the smallest on. */
export function front(offers: readonly Offer[]): readonly Offer[] {
  const sorted = offers.toSorted((a, b) => a.bytes - b.bytes || a.loss - b.loss);
  return sorted.filter(({ loss }, i) => sorted.slice(0, i).every((smaller) => smaller.loss > loss));
}

/** Bytes against what is lost, with a line through the front. */
export function pareto(title: string, loss: string, offers: readonly Offer[]): Picture {
  const { unit, size } = unitOf(Math.max(...offers.map(({ bytes }) => bytes)));
  const best = front(offers);
  const scaled = (some: readonly Offer[]) => some.map((each) => ({ ...each, size: each.bytes / size }));
  const losses = offers.map((each) => each.loss);
  const isWide = Math.min(...losses) > 0 && Math.max(...losses) > 30 * Math.min(...losses);
  const x = {
    field: "size",
    type: "quantitative",
    title: unit,
    scale: { zero: false, padding: 24 },
    axis: { tickCount: 5 },
  } as const;
  const y = {
    field: "loss",
    type: "quantitative",
    title: loss,
    scale: isWide ? ({ type: "log" } as const) : { zero: true },
    axis: { tickCount: 5, ...(isWide && { format: "~g" }) },
  } as const;
  // Neighbours have their names on two sides.
  const sorted = scaled(offers).toSorted((a, b) => a.size - b.size);
  const names = (side: 0 | 1) => ({
    data: { values: sorted.filter((_, i) => i % 2 === side) },
    mark: { type: "text", align: "left", dx: 5, dy: side === 0 ? -8 : 9, limit: 140 } as const,
    encoding: { text: { field: "name" } },
  });
  return {
    title,
    says: `${title}: ${offers.map((each) => `${each.name} ${showBytes(each.bytes)} and ${short(each.loss)}`).join(", ")}; the best of their size: ${best.map(({ name }) => name).join(", ")}`,
    drawing: {
      ...appearance,
      ...{ width: 290, height: 240 },
      encoding: { x, y },
      layer: [
        {
          data: { values: scaled(best) },
          mark: { type: "line", interpolate: "step-after", opacity: 0.5, strokeWidth: 1.5 },
        },
        { data: { values: scaled(offers) }, mark: { type: "point", filled: true, size: 60, opacity: 1 } },
        names(0),
        names(1),
      ],
    },
  };
}
