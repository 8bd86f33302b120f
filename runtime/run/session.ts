/** What all steps of a run work with: the device, the plan's programs, the store of artefacts, and the way to report. */
import type { Plan } from "../../compiler/plan/plan.ts";
import { type BufferPool, bufferPool } from "../gpu/buffers.ts";
import { type Clock, clockFor } from "../gpu/clock.ts";
import type { Device } from "../gpu/device.ts";
import { executor, type Loaded } from "../gpu/execute.ts";
import { type Readback, readback } from "../gpu/readback.ts";
import type { Checkpoint } from "../io/checkpoint.ts";
import type { OutputFolder } from "../io/output-folder.ts";
import { openStore, type Store, type StoreOptions } from "../store/store.ts";

/** A moment of a run, for people. */
export interface Progress {
  /** By its place in the plan; numbers from as many as there are stand for what is saved, in order. */
  readonly step: number;
  /** `statistics`, `q`, `outputs`; the tensor that is saved. */
  readonly what: string;
  /** Share of the step that is done, 0 to 1. */
  readonly done: number;
}

/** What is told of it beside the work. */
export interface Told extends Progress {
  /** Bytes that are in use on the GPU. */
  readonly gpu: number;
}

export interface RunOptions extends Pick<StoreOptions, "models" | "corpora" | "folder" | "storeLimit"> {
  readonly device: Device;
  /** Where the result goes; null if none is saved. */
  readonly output: OutputFolder | null;
  /** The sha256 of the files that the tokenizer was made of, for the lock. */
  readonly tokenizer?: Readonly<Record<string, string>>;
  /** Opens what was saved, for a plan that checks it. */
  readonly openSaved?: (path: string) => Promise<Checkpoint>;
  readonly progress: (moment: Told) => void;
  readonly signal: AbortSignal;
  /** Bytes that may be taken on the GPU; by default as many as there are. */
  readonly gpuMemory?: number;
  /** Hears of what people should know, in a sentence. */
  readonly note?: (sentence: string) => void;
}

export interface Session {
  readonly plan: Plan;
  readonly store: Store;
  readonly device: Device;
  readonly signal: AbortSignal;
  readonly pool: BufferPool;
  readonly readback: Readback;
  /** Loads a program, which is the caller's to unload. */
  readonly load: (name: string) => Promise<Loaded>;
  /** Loads a program, gives it to `use`, and gives its scratch memory back. */
  readonly withProgram: <T>(name: string, use: (program: Loaded) => Promise<T>) => Promise<T>;
  /** To be awaited after each submission: bounds the commands in flight and ends the run when it is interrupted. */
  readonly pace: () => Promise<void>;
  readonly progress: (moment: Progress) => void;
  /** Tells people something, which also stands in the result. */
  readonly note: (sentence: string) => void;
  /** What was said so. */
  readonly notes: readonly string[];
  readonly clock: Clock;
  readonly compileSeconds: () => number;
  /** The most bytes that have been on the GPU. */
  readonly gpuPeak: () => number;
  /** Frees the GPU's memory and removes what steps have written. */
  readonly close: () => void;
}

/** Submissions that may be in flight: enough that the GPU never waits, few enough that memory for them stays small. */
const mostInFlight = 4;

/** A session for one run of a plan. */
export async function openSession(plan: Plan, options: RunOptions): Promise<Session> {
  const { device, signal, progress, gpuMemory = Infinity } = options;
  const pool = bufferPool(device, { limit: gpuMemory });
  const back = await readback(device, pool);
  const { load, compileSeconds } = executor(device, pool);
  const programs = new Map(plan.programs.map((program) => [program.name, program]));
  const store = openStore(plan, { ...options, pool, readback: back });
  const inFlight: Promise<unknown>[] = [];
  const notes: string[] = [];
  const loadNamed = async (name: string): Promise<Loaded> => {
    const program = programs.get(name);
    if (program === undefined) throw new Error(`the plan has no program ${name}`);
    return load(program, plan.kernels);
  };
  return {
    plan,
    store,
    device,
    signal,
    pool,
    readback: back,
    load: loadNamed,
    withProgram: async (name, use) => {
      const loaded = await loadNamed(name);
      try {
        return await use(loaded);
      } finally {
        loaded.unload();
      }
    },
    pace: async () => {
      signal.throwIfAborted();
      const done = device.settle(device.queue.onSubmittedWorkDone());
      done.catch(() => undefined); // thrown where it is awaited
      inFlight.push(done);
      if (inFlight.length > mostInFlight) await inFlight.shift();
    },
    progress: (moment) => {
      signal.throwIfAborted();
      progress({ ...moment, gpu: pool.memory().used });
    },
    note: (sentence) => {
      notes.push(sentence);
      options.note?.(sentence);
    },
    notes,
    clock: clockFor(device.facts),
    compileSeconds,
    gpuPeak: () => pool.memory().peak,
    close: () => {
      store.close();
      pool.destroy();
    },
  };
}
