/**
 * The contract between compiler and runtime: what will run, for one recipe, model, text and adapter. It names no path, host or
 * time. A program is shared by all parts of equal shape; a step binds its slots.
 */
import type { DeviceFacts } from "./device-facts.ts";
import type { Kernel, Program } from "./program.ts";
import type { SaveRecord, StageRecord, Step, ValueRecord } from "./step.ts";

/** Of the files of plans: another number for whatever a plan of before does not say. */
export const planVersion = 3;

export interface Plan {
  readonly version: typeof planVersion;
  readonly recipe: RecipeRecord;
  readonly models: readonly ModelRecord[];
  readonly corpora: readonly CorpusRecord[];
  readonly device: DeviceFacts;
  readonly windows: readonly WindowsRecord[];
  readonly stages: readonly StageRecord[];
  readonly steps: readonly Step[];
  readonly values: readonly ValueRecord[];
  readonly saves: readonly SaveRecord[];
  readonly programs: readonly Program[];
  readonly kernels: readonly Kernel[];
  /** The most that is taken at once, in bytes. */
  readonly peaks: { readonly gpu: number; readonly host: number };
}

export interface RecipeRecord {
  readonly name: string;
  readonly doc: string;
  /** The text of its file. */
  readonly text: string;
  /** As resolved, printed the way a recipe writes them (`50%`, `2:4`). */
  readonly parameters: readonly { readonly name: string; readonly value: string }[];
  /** Every module that was read, with the sha256 of its text; the recipe first. */
  readonly sources: readonly { readonly module: string; readonly sha256: string }[];
}

/** A model given to the recipe, by the name of its parameter. */
export interface ModelRecord {
  readonly name: string;
  readonly architecture: string;
  /** sha256 over the config and the tensors' names, types and shapes. */
  readonly headers: string;
  readonly layers: number;
  readonly bytes: number;
  /** The sha256 of tensors by their names, where more was read than headers. */
  readonly contents?: Readonly<Record<string, string>>;
}

export interface CorpusRecord {
  readonly name: string;
  /** The splits that are used, with their number of tokens and their hash where they were read. */
  readonly splits: readonly { readonly split: Split | TaskPart; readonly tokens: number; readonly sha256: string }[];
}

/** The part of a text that serves one purpose: calibration, choice, judgement. */
export type Split = "train" | "validation" | "test";

/**
 * What a task has of each of its items. In a row stand the `tokens` that a model reads: what all choices have in common, then what each has
 * of its own, and of each token its `position` in the text of its choice, and its `branch`: the choice that it is of, or -1. Of each choice
 * there is the token that comes `next` at each of them (-1 where none is scored), how many `characters` it has (0 of one that an item
 * lacks), and whether it is the `right` one, 1 or 0.
 */
export const taskParts = ["tokens", "position", "branch", "next", "characters", "right"] as const;
export type TaskPart = (typeof taskParts)[number];

/** How many questions a task has, how many choices of each, and how many tokens a model reads: in the row of an item, and as one text; each of the longest. */
export interface TaskFacts {
  readonly items: number;
  readonly choices: number;
  readonly length: number;
  readonly longest: number;
}

export const isTaskPart = (split: Split | TaskPart): split is TaskPart => taskParts.some((part) => part === split);

/** Whether what a plan reads is a task, and not a text. */
export const isTask = ({ splits }: CorpusRecord): boolean => splits.some(({ split }) => isTaskPart(split));

/** What people call windows by: `text.test`, or the name of a task. */
export const sourceOfWindows = ({ corpus, split }: Pick<WindowsRecord, "corpus" | "split">): string =>
  isTaskPart(split) ? corpus : `${corpus}.${split}`;

/** Windows of `length` tokens: all that fit without overlap, or `count` drawn with a seed. */
export interface WindowsRecord {
  readonly corpus: string;
  readonly split: Split | TaskPart;
  readonly length: number;
  /** 0 where the text is not given. */
  readonly count: number;
  /** Null: all windows in order. */
  readonly seed: number | null;
}
