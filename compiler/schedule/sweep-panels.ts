/**
 * How the columns of a sweep are divided. A panel is what one kernel holds of a row at a time; each of its columns is taken from those
 * after it at once. Then what the panel takes from the rest of its run, and what the run takes from all columns after it, is a product
 * of matrices. Panels and runs end where the run of a body ends that kernels of their own evaluate: its values are to be those that
 * they are by then. The same for every device, since it decides in which order products are added.
 */
import { firstInside, rowsOf, widest } from "../fuse/sweep-bodies.ts";
import { columnsOf } from "../graph/bodies.ts";
import type { NodeOf } from "../graph/ops.ts";
import { count, type Dim } from "../graph/type.ts";

/** Columns of a run at most. */
const longest = 128;

export interface SweepPanels {
  /** The dimensions of rows, and how many there are. */
  readonly outer: readonly Dim[];
  readonly rows: number;
  readonly columns: number;
  /** The first level whose body the kernel of a panel evaluates. */
  readonly inside: number;
  /** Columns of a panel; the last one of a segment may be narrower. Columns are whole segments. */
  readonly panel: number;
  readonly segment: number;
  readonly panelsPerSegment: number;
  /** Columns of a run; the last one of a stretch may be narrower. Columns are whole stretches. */
  readonly run: number;
  readonly stretch: number;
  /** Panels. */
  readonly steps: number;
}

/** Columns from the first on, up to the last, exclusive: of a panel, and of its run. */
export interface SweepStep {
  readonly first: number;
  readonly end: number;
  readonly run: number;
  readonly runEnd: number;
}

export function sweepPanels(node: NodeOf<"feedback">): SweepPanels {
  const { levels } = node.attrs;
  const columns = columnsOf(levels, -1);
  const inside = firstInside(node);
  const apart = levels.map((_, level) => columnsOf(levels, level)).slice(0, inside);
  const cell = inside < levels.length ? columnsOf(levels, inside) : 1;
  const segment = Math.min(columns, ...apart);
  const panel = Math.min(multiple(cell, widest), segment);
  const stretch = Math.min(columns, ...apart.filter((size) => size > longest));
  const run = multiple(Math.max(panel, ...apart.filter((size) => size <= longest)), longest);
  const panelsPerSegment = Math.ceil(segment / panel);
  const outer = rowsOf(node);
  const steps = (columns / segment) * panelsPerSegment;
  const sizes = { columns, inside, panel, segment, panelsPerSegment, run: Math.min(run, stretch), stretch, steps };
  return { outer, rows: count({ dims: outer }), ...sizes };
}

/** The greatest multiple up to `most`. */
const multiple = (of: number, most: number): number => of * Math.max(1, Math.floor(most / of));

/** As `setStep` of the kernels has it. */
export function sweepStep({ panel, segment, panelsPerSegment, run, stretch }: SweepPanels, step: number): SweepStep {
  const own = Math.floor(step / panelsPerSegment) * segment;
  const first = own + (step % panelsPerSegment) * panel;
  const before = first - (first % stretch);
  const start = before + (first % stretch) - ((first % stretch) % run);
  return {
    first,
    end: Math.min(first + panel, own + segment),
    run: start,
    runEnd: Math.min(start + run, before + stretch),
  };
}
