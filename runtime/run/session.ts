/** What all steps of a run work with: the device, its memory, the plan's programs, the models, and the way to report. */
import type { Plan, WindowsRecord } from "../../compiler/plan/plan.ts";
import { type BufferPool, bufferPool } from "../gpu/buffers.ts";
import type { Device } from "../gpu/device.ts";
import { executor } from "../gpu/execute.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import { sample, type Windows, windows } from "../io/corpus.ts";
import type { OutputFolder } from "../io/output-folder.ts";
import { programsOf, type WithProgram } from "./programs.ts";
import { type Readback, readback } from "./readback.ts";
import { type Models, models } from "./weights.ts";

/** A moment of a run, for people. */
export interface Progress {
  /** The step, by its place in the plan. */
  readonly step: number;
  /** Null outside the blocks. */
  readonly layer: number | null;
  readonly layers: number;
  /** `statistics`, `q`, `outputs`. */
  readonly what: string;
  /** Share of the step that is done, 0 to 1. */
  readonly done: number;
}

/** The token ids of a corpus, split by split. */
export type Tokens = Readonly<Partial<Record<WindowsRecord["split"], Int32Array>>>;

export interface RunOptions {
  readonly device: Device;
  /** By the names that the plan gives them. */
  readonly models: ReadonlyMap<string, Checkpoint>;
  readonly corpora: ReadonlyMap<string, Tokens>;
  /** Where `save` writes; may be null if the plan saves nothing. */
  readonly output: OutputFolder | null;
  /** The recipe as text, for the model card. */
  readonly recipe: string;
  readonly progress: (progress: Progress) => void;
  readonly signal: AbortSignal;
  /** Bytes of activations that may stay on the GPU; more lie in host memory. */
  readonly activationMemory?: number;
  /** Bytes that may be taken on the GPU; by default as many as there are. */
  readonly gpuMemory?: number;
}

export interface Session {
  readonly plan: Plan;
  readonly device: Device;
  readonly pool: BufferPool;
  readonly readback: Readback;
  readonly models: Models;
  readonly withProgram: WithProgram;
  readonly windows: (record: WindowsRecord) => Windows;
  /** To be awaited after each submission: bounds the commands in flight and ends the run when it is interrupted. */
  readonly pace: () => Promise<void>;
  readonly progress: (moment: Omit<Progress, "step">) => void;
  readonly activationMemory: number;
  readonly compileSeconds: () => number;
  /** Frees the GPU's memory and removes what stages have written. */
  readonly close: () => void;
}

/** Submissions that may be in flight: enough that the GPU never waits, few enough that memory for them stays small. */
const mostInFlight = 4;

/** A session for one run of a plan; `step` says which of its steps runs. */
export function openSession(plan: Plan, options: RunOptions, step: () => number): Session {
  const { device, signal, progress, activationMemory = 2 ** 30, gpuMemory = Infinity } = options;
  const pool = bufferPool(device, { limit: gpuMemory });
  const back = readback(device, pool);
  const running = executor(device, pool);
  const given = models(options.models, options.output);
  const inFlight: Promise<unknown>[] = [];
  return {
    plan,
    device,
    pool,
    readback: back,
    models: given,
    withProgram: programsOf(plan, running),
    windows: (record) => chooseWindows(record, options.corpora),
    pace: async () => {
      signal.throwIfAborted();
      const done = device.settle(device.queue.onSubmittedWorkDone());
      done.catch(() => undefined); // thrown where it is awaited
      inFlight.push(done);
      if (inFlight.length > mostInFlight) await inFlight.shift();
    },
    progress: (moment) => {
      signal.throwIfAborted();
      progress({ ...moment, step: step() });
    },
    activationMemory,
    compileSeconds: running.compileSeconds,
    close: () => {
      back.destroy();
      pool.destroy();
      given.close();
    },
  };
}

function chooseWindows({ corpus, split, length, count, seed }: WindowsRecord, corpora: RunOptions["corpora"]): Windows {
  const tokens = corpora.get(corpus)?.[split];
  if (tokens === undefined) throw new Error(`the run was given no ${corpus}.${split}`);
  const text = { path: `${corpus}.${split}`, tokens };
  return seed === null ? windows(text, length, count) : sample(text, count, length, seed);
}
