/** Progress on stderr: one line that changes on a terminal, a line per layer elsewhere. */
import { readable } from "../../grammar/render.ts";
import type { Progress } from "../run/session.ts";
import { duration } from "./table.ts";
import { lines } from "./terminal.ts";

export interface ProgressLine {
  readonly show: (progress: Progress) => void;
  /** Takes the changing line away. */
  readonly end: () => void;
}

/** A line that is drawn at most this often. */
const frame = 100;

/** Where progress goes; `isQuiet` is nowhere. */
export function progressLine(isQuiet: boolean): ProgressLine {
  if (isQuiet) return { show: () => undefined, end: () => undefined };
  return process.stderr.isTTY ? changingLine() : plainLines();
}

const place = ({ title, layer, layers }: Progress): string =>
  layer === null ? title : `${title}  layer ${layer + 1}/${layers}`;

function plainLines(): ProgressLine {
  let last = "";
  return {
    show: (progress) => {
      const text = place(progress);
      if (text === last || (progress.layer === null && last.startsWith(progress.title))) return;
      last = text;
      process.stderr.write(lines(text));
    },
    end: () => undefined,
  };
}

function changingLine(): ProgressLine {
  let title = "";
  let begin = 0;
  let drawn = Number.NEGATIVE_INFINITY;
  return {
    show: (progress) => {
      const now = performance.now();
      if (progress.title !== title) {
        title = progress.title;
        begin = now;
      } else if (now - drawn < frame) return;
      drawn = now;
      const left = ((now - begin) / 1000) * (1 / Math.max(progress.done, 1e-6) - 1);
      const toGo = progress.done > 0.02 ? `  ${duration(left)} to go` : "";
      const line = `${place(progress)}  ${progress.what}  ${Math.floor(100 * progress.done)} %${toGo}`;
      process.stderr.write(`\r\u001b[K${readable(line).slice(0, (process.stderr.columns || 80) - 1)}`);
    },
    end: () => void process.stderr.write("\r\u001b[K"),
  };
}
