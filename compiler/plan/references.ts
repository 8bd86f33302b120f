/**
 * References as text, so that a plan of many steps is a file of few bytes: `model:lm_head.weight`, `#12 result` for what step 12
 * writes, `windows 0`, `pick 3 at 7 by #5 keep` for one of list 3 of the plan's choices, `stack 3` for all of it, `element 2 of …`.
 */
import { lengthened, shortened } from "./abridged.ts";
import { type Plan, planVersion } from "./plan.ts";
import type { Dispatch, Program } from "./program.ts";
import type { PlanFile, ProgramFile } from "./schema.ts";
import type { Ref, SavedTensor, SaveRecord } from "./step.ts";

/** The plan in the form of its file, without the hash. */
export function toFile(plan: Plan): Omit<PlanFile, "hash"> {
  const choices = new Map<string, readonly string[]>();
  const write = (ref: Ref): string => {
    if ("step" in ref) return `#${ref.step} ${ref.output}`;
    if ("windows" in ref) return `windows ${ref.windows}`;
    if ("tensor" in ref) return `${ref.model}:${ref.tensor}`;
    if ("element" in ref) return `element ${ref.element} of ${write(ref.of)}`;
    if ("stack" in ref) return `stack ${listed(ref.stack)}`;
    return `pick ${listed(ref.pick)} at ${ref.at} by ${write(ref.by)}`;
  };
  const listed = (refs: readonly Ref[]): number => {
    const list = refs.map(write);
    const key = JSON.stringify(list);
    if (!choices.has(key)) choices.set(key, list);
    return [...choices.keys()].indexOf(key);
  };
  const steps = plan.steps.map((step) => ({ ...step, reads: mapped(step.reads, write) }));
  const values = plan.values.map(({ value, ...record }) =>
    typeof value === "number" ? { ...record, known: value } : { ...record, from: write(value) },
  );
  const saves = plan.saves.map((save) => saveWith(save, write));
  return { ...plan, choices: [...choices.values()], steps, values, saves, programs: plan.programs.map(shortProgram) };
}

/** The plan of a file; `refuse` hears of text that is no reference. */
export function fromFile({ choices, ...file }: Omit<PlanFile, "hash">, refuse: (text: string) => never): Plan {
  const list = (number: string): readonly Ref[] => (choices[Number(number)] ?? refuse(number)).map(read);
  const forms: readonly (readonly [RegExp, (...parts: string[]) => Ref])[] = [
    [/^element (\d+) of (.*)$/s, (element = "", of = "") => ({ element: Number(element), of: read(of) })],
    [/^stack (\d+)$/, (number = "") => ({ stack: list(number) })],
    [
      /^pick (\d+) at (\d+) by (.*)$/s,
      (number = "", at = "", by = "") => ({ pick: list(number), by: read(by), at: Number(at) }),
    ],
    [/^#(\d+) (.*)$/s, (step = "", output = "") => ({ step: Number(step), output })],
    [/^windows (\d+)$/, (windows = "") => ({ windows: Number(windows) })],
    [/^([^:]*):(.*)$/s, (model = "", tensor = "") => ({ model, tensor })],
  ];
  const read = (text: string): Ref => {
    for (const [form, made] of forms) {
      const found = form.exec(text);
      if (found) return made(...found.slice(1));
    }
    return refuse(text);
  };
  const steps = file.steps.map((step) => ({ ...step, reads: mapped(step.reads, read) }));
  const values = file.values.map(({ known, from, ...record }) => ({ ...record, value: known ?? read(from ?? "") }));
  return {
    ...file,
    version: planVersion,
    programs: file.programs.map((program) => wholeProgram(program, refuse)),
    steps,
    values,
    saves: file.saves.map((save) => saveWith(save, read)),
  };
}

/** What is saved, with references in another form. */
function saveWith<From, To>(
  { check, tensors, adapter, ...save }: SaveRecord<From>,
  to: (ref: From) => To,
): SaveRecord<To> {
  const all = (some: readonly SavedTensor<From>[]) => some.map((tensor) => ({ ...tensor, from: to(tensor.from) }));
  return {
    ...save,
    tensors: all(tensors),
    ...(adapter && { adapter: { ...adapter, tensors: all(adapter.tensors) } }),
    ...(check && { check: { ...check, values: mapped(check.values, to) } }),
  };
}

const lists = ["setup", "main"] as const;

/** Of dispatches that repeat themselves the first turns. */
function shortProgram(program: Program): ProgramFile {
  const short = lists.map((list) => {
    const { texts, repeats } = shortened(program[list].map((dispatch) => JSON.stringify(dispatch)));
    return {
      dispatches: texts.map((text): Dispatch => JSON.parse(text)),
      repeats: repeats.map((each) => ({ list, ...each })),
    };
  });
  const [setup = [], main = []] = short.map(({ dispatches }) => dispatches);
  return { ...program, setup, main, repeats: short.flatMap(({ repeats }) => repeats) };
}

/** More dispatches than this no program has. */
const mostDispatches = 2 ** 20;

function wholeProgram({ repeats, ...program }: ProgramFile, refuse: (text: string) => never): Program {
  const [setup = [], main = []] = lists.map((list) => {
    const own = repeats.filter((each) => each.list === list);
    const texts = lengthened(
      program[list].map((dispatch) => JSON.stringify(dispatch)),
      own,
      mostDispatches,
    );
    return (texts ?? refuse(`repeats of ${program.name}`)).map((text): Dispatch => JSON.parse(text));
  });
  return { ...program, setup, main };
}

/** In the order of the keys. */
const mapped = <Key extends string, From, To>(
  record: Readonly<Record<Key, From>>,
  to: (value: From) => To,
): Record<Key, To> =>
  Object.fromEntries((Object.keys(record) as Key[]).sort().map((key) => [key, to(record[key])])) as Record<Key, To>;
