/** How far a run is, on stderr: one line that changes on a terminal, a line now and then elsewhere. */
import { readable } from "../../grammar/render.ts";
import { duration } from "./table.ts";
import { lines, say, shortened, type TextStream, widthOf, wrapped } from "./terminal.ts";
import { estimator, type Waits } from "./time-to-go.ts";

/** A step of a run. */
export interface RunStep {
  /** `tokenize text.train`, `stage sparse`. */
  readonly title: string;
  /** Null for what comes before the plan, and while there is no plan. */
  readonly work: Waits | null;
}

/** A moment of a run. */
export interface Moment {
  /** Which of the steps. */
  readonly step: number;
  /** The share of the step that is done, 0 to 1. */
  readonly done: number;
  /** Where in the step, the most important first: `layer 3/32`, `statistics`. */
  readonly where: readonly string[];
}

export interface ProgressLine {
  /** All steps of the run; once more when their work is known. */
  readonly expect: (steps: readonly RunStep[]) => void;
  readonly show: (moment: Moment) => void;
  /** Writes a line that stays. */
  readonly say: (text: string) => void;
  /** Takes the changing line away. */
  readonly end: () => void;
}

/** Where progress is shown, and the time in seconds since the run began. */
export interface Surroundings {
  readonly stream: TextStream;
  readonly environment: NodeJS.ProcessEnv;
  readonly now: () => number;
}

/** Seconds: the changing line is drawn at most this often; elsewhere a step is heard of again after this pause. */
const frame = 0.1;
const pause = 10;

/** Progress on stderr, by the time since the process began; with `isQuiet`, only what must be said. */
export function progressLine(isQuiet: boolean): ProgressLine {
  const nothing = (): void => undefined;
  if (isQuiet) return { expect: nothing, show: nothing, say: (text) => say(process.stderr, lines(text)), end: nothing };
  return progressOn({ stream: process.stderr, environment: process.env, now: () => performance.now() / 1000 });
}

/** Progress on a stream. */
export function progressOn(surroundings: Surroundings): ProgressLine {
  const { stream, environment, now } = surroundings;
  const canChange = stream.isTTY === true && environment["TERM"] !== "dumb" && !environment["CI"];
  const { draw, clear } = canChange ? changingLine(surroundings) : plainLines(surroundings);
  const secondsToGo = estimator();
  let steps: readonly RunStep[] = [];
  return {
    expect: (all) => {
      steps = all;
    },
    show: (moment) => {
      const step = steps[moment.step];
      if (step === undefined) throw new Error(`a moment of step ${moment.step}, and there are ${steps.length}`);
      const works = steps.map(({ work }) => work);
      draw({ ...moment, ...step, steps: steps.length, toGo: secondsToGo(works, moment, now()) });
    },
    say: (text) => {
      clear();
      say(stream, lines(...wrapped(text, widthOf(stream), "  ")), environment);
    },
    end: clear,
  };
}

/** A moment with all that is shown of it; `toGo` is null where nobody can say. */
interface Scene extends Moment, RunStep {
  readonly steps: number;
  readonly toGo: number | null;
}

interface Drawing {
  readonly draw: (scene: Scene) => void;
  readonly clear: () => void;
}

/** Steps of the plan are named when they begin; a step that lasts is heard of after each pause. */
function plainLines({ stream, environment, now }: Surroundings): Drawing {
  let step = -1;
  let written = 0;
  return {
    draw: (scene) => {
      const isNew = scene.step !== step && scene.work !== null;
      if (!isNew && now() - written < pause) return;
      step = scene.step;
      written = now();
      const [counter, ...parts] = partsOf(scene);
      say(stream, lines(`${counter}: ${(isNew ? parts.slice(0, 1) : parts).join(", ")}`), environment);
    },
    clear: () => undefined,
  };
}

/** What is drawn last is taken away first, also where a narrower window has broken it into several lines. */
function changingLine({ stream, environment, now }: Surroundings): Drawing {
  let step = -1;
  let drawn = Number.NEGATIVE_INFINITY;
  let length = 0;
  const clear = (): void => {
    const above = Math.max(0, Math.ceil(length / widthOf(stream)) - 1);
    stream.write(`${above > 0 ? `\u001b[${above}A` : ""}\r\u001b[J`);
    length = 0;
  };
  return {
    draw: (scene) => {
      if (scene.step === step && now() - drawn < frame) return;
      step = scene.step;
      drawn = now();
      // The last column stays free: some terminals begin a new line as soon as it is written.
      const line = fitting(scene, widthOf(stream) - 1);
      clear();
      length = [...line].length;
      say(stream, line, environment);
    },
    clear,
  };
}

/** `step 3 of 7`, `stage sparse`, `layer 3/32`, `statistics`, `38 %`, `4 min 10 s to go`. */
function partsOf({ step, steps, title, where, done, toGo }: Scene): readonly string[] {
  const left = toGo === null ? [] : [`${duration(toGo)} to go`];
  return [`step ${step + 1} of ${steps}`, title, ...where, `${Math.floor(100 * done)} %`, ...left].map(readable);
}

/** As much of a scene as fits into a line of that width: first the details go, then words, then the middle of the title. */
function fitting(scene: Scene, width: number): string {
  for (let details = scene.where.length; details >= 0; details--) {
    const line = partsOf({ ...scene, where: scene.where.slice(0, details) }).join("  ");
    if ([...line].length <= width) return line;
  }
  const [, title = "", ...rest] = partsOf({ ...scene, where: [] });
  const ends = [`${scene.step + 1}/${scene.steps}`, ...rest];
  const room = width - ends.join("  ").length - 2;
  const [counter, ...others] = ends;
  return shortened([counter, shortened(title, Math.max(8, room)), ...others].join("  "), width);
}
