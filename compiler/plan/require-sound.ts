/** What a plan from a file must hold beyond its form, so that carrying it out can trust it: all that it names is there, and fits. */
import { bitsOf, type DType } from "./dtype.ts";
import { isCopy, plainRefs } from "./lifetimes.ts";
import { isTaskPart, type Plan } from "./plan.ts";
import type { Dispatch, Program, Slot } from "./program.ts";
import { contentBytes, elements, slotsOf } from "./slots.ts";
import {
  beforeSaving,
  type Ref,
  type SavedCheck,
  type SavedTensor,
  type SaveRecord,
  type Step,
  tensorsSaved,
  type ValueRecord,
} from "./step.ts";
import { isStoredDType, storedBits } from "./stored-types.ts";

/** Hears, in words, what does not hold. */
type Refuse = (why: string) => never;

/** What is known of an artefact; null of what only a model or a text decides. */
interface Content {
  readonly dtype: DType | null;
  /** Of a stream, of each window. */
  readonly elements: number | null;
  /** The size of the first dimension. */
  readonly first: number | null;
  /** The number of the windows for each of which there is a value; null: there is one. */
  readonly over: number | null;
}

/** Refuses a plan that names what is not there, or binds what does not fit. */
export function requireSound(plan: Plan, refuse: Refuse): void {
  for (const program of plan.programs) requireProgram(plan, program, refuse);
  for (const { corpus } of plan.windows)
    if (!plan.corpora.some(({ name }) => name === corpus)) refuse(`no text is called \`${corpus}\``);
  for (const [at, step] of plan.steps.entries())
    requireStep(plan, step, at, (why) => refuse(`step ${at} (${step.part.what}) ${why}`));
  for (const { kind, value, text } of plan.values)
    if (typeof value !== "number") requireValue(plan, kind, value, (why) => refuse(`the value of ${text} ${why}`));
  const places = new Set(plan.saves.map(({ of }) => of.toLowerCase()));
  if (places.size < plan.saves.length) refuse("two models are saved in one place");
  const begin = plan.saves.flatMap(({ check }) => check?.from ?? []);
  if (begin.some((from, i) => from <= (begin[i - 1] ?? -1))) refuse("the checks of what is saved are not in order");
  for (const save of plan.saves) requireSave(plan, save, refuse);
}

function requireSave(plan: Plan, save: SaveRecord, refuse: Refuse): void {
  const { of, origin, check } = save;
  if (!/^\w+$/.test(of)) refuse(`\`${of}\` is no name of a folder`);
  requireModel(plan, origin, 0, (why) => refuse(`what is saved ${why}`));
  for (const saved of tensorsSaved(save))
    requireSaved(plan, saved, (why) => refuse(`the saved tensor ${saved.name} ${why}`));
  if (check) requireCheck(plan, check, (why) => refuse(`the check of what is saved ${why}`));
}

function requireCheck(plan: Plan, { model, over, values }: SavedCheck, refuse: Refuse): void {
  if (plan.models.some(({ name }) => name === model)) refuse(`calls it \`${model}\`, as a given model is called`);
  if (plan.windows[over] === undefined) refuse(`goes over windows ${over}, which there are not`);
  for (const ref of Object.values(values))
    requireSize(artefactAt(plan, ref, plan.steps.length, refuse).elements, 1, refuse);
}

/** That an artefact has the bytes of the tensor that it is saved as, by then. */
function requireSaved(plan: Plan, { dtype, shape, from }: SavedTensor, refuse: Refuse): void {
  const { dtype: found, elements: count } = artefactAt(plan, from, beforeSaving(plan), refuse);
  const bits = isStoredDType(dtype) ? storedBits(dtype) : refuse(`is ${dtype}, which no file holds`);
  const wanted = Math.ceil((elements({ dims: shape.map((size) => ({ name: "", size })) }) * bits) / 8);
  if (found !== null && count !== null) requireSize(Math.ceil((count * bitsOf(found)) / 8), wanted, refuse, "bytes");
}

/** That an artefact is one number by then, or numbers for the report. */
function requireValue(plan: Plan, kind: ValueRecord["kind"], ref: Ref, refuse: Refuse): void {
  const { elements: found } = artefactAt(plan, ref, beforeSaving(plan), refuse);
  if (kind === "expect" || kind === "side") requireSize(found, 1, refuse);
}

/** An artefact that is one, in front of a step, and not of what was saved. */
function artefactAt(plan: Plan, ref: Ref, at: number, refuse: Refuse): Content {
  if (isCopy(ref)) refuse("is no artefact by itself");
  for (const plain of plainRefs(ref)) if ("tensor" in plain) requireModel(plan, plain.model, 0, refuse);
  const content = contentOf(plan, ref, at, refuse);
  if (content.over !== null) refuse("has a value for each window");
  return content;
}

function requireSize(found: number | null, wanted: number, refuse: Refuse, of = "elements"): void {
  if (found !== null && found !== wanted) refuse(`has ${found} ${of} where ${wanted} belong`);
}

/** That a model is given, or saved by the time that the step runs which has the number `at`. */
function requireModel({ models, saves }: Plan, name: string, at: number, refuse: Refuse): void {
  const isSaved = saves.some(({ check }) => name === check?.model && at >= check.from);
  if (!isSaved && !models.some((model) => model.name === name))
    refuse(`names the model \`${name}\`, which is not given`);
}

function requireProgram(plan: Plan, program: Program, refuse: Refuse): void {
  const { name, buffers, regions, setup, main } = program;
  for (const { id, slot, region = regions.length, bytes } of buffers) {
    const isSomewhere = slot ? bytes >= contentBytes(slot) : regions[region] !== undefined;
    if (!isSomewhere) refuse(`program ${name} has too little memory for buffer ${id}`);
  }
  const slots = buffers.flatMap(({ slot }) => (slot ? `${slot.role} ${slot.name}` : []));
  if (new Set(slots).size < slots.length) refuse(`program ${name} has a slot twice`);
  const sizes = new Map(buffers.map(({ id, bytes }) => [id, bytes]));
  const isGood = (dispatch: Dispatch): boolean => isBound(plan, dispatch, sizes);
  if (![...setup, ...main].every(isGood)) refuse(`program ${name} binds what is not there`);
}

/** Whether a kernel is there, and all that it is bound to, by the sizes of buffers. */
function isBound({ kernels }: Plan, { kernel, bindings }: Dispatch, sizes: ReadonlyMap<number, number>): boolean {
  const found = kernels.find(({ hash }) => hash === kernel);
  const isInside = bindings.every(({ buffer, offset, bytes }) => offset + bytes <= (sizes.get(buffer) ?? -1));
  return found?.bindings.length === bindings.length && isInside;
}

function requireStep(plan: Plan, step: Step, at: number, refuse: Refuse): void {
  const { reads, over, part } = step;
  const program = programOf(plan, step.program, refuse);
  if (over !== null && plan.windows[over] === undefined) refuse(`goes over windows ${over}, which there are not`);
  if (part.stage !== null && plan.stages[part.stage] === undefined)
    refuse(`is of stage ${part.stage}, which there is not`);
  const inputs = slotsOf(program, "weight", "state", "data").map(({ slot }) => slot);
  const other = Object.keys(reads).find((read) => !inputs.some(({ name }) => name === read));
  if (other !== undefined) refuse(`reads \`${other}\`, for which its program has no slot`);
  for (const slot of inputs) requireRead(plan, step, slot, at, (why) => refuse(`reads \`${slot.name}\`, which ${why}`));
  const outputs = slotsOf(program, "output", "accumulator").map(({ slot }) => slot.name);
  const { outputs: changed = [], zeros } = part.changes ?? {};
  const named = [
    ...step.checks.map((check) => check.output),
    ...step.durable,
    ...Object.keys(step.places),
    ...changed,
    zeros,
  ];
  const missing = named.find((each) => each !== undefined && !outputs.includes(each));
  if (missing !== undefined) refuse(`writes no \`${missing}\``);
}

/** That what a step reads is there and fits the slot. */
function requireRead(plan: Plan, { reads, over }: Step, slot: Slot, at: number, refuse: Refuse): void {
  const ref = reads[slot.name] ?? refuse("is nothing");
  const content = contentOf(plan, ref, at, refuse);
  if (content.dtype !== null && content.dtype !== slot.dtype) refuse(`is ${content.dtype} and not ${slot.dtype}`);
  if (slot.role === "data") {
    const isAlike = "windows" in ref && isOfOneTask(plan, ref.windows, over);
    if (content.over === null || (content.over !== over && !isAlike)) refuse("has no value for each window");
    requireSize(content.elements, elements(slot), refuse);
  } else {
    if (plainRefs(ref).some((plain) => "windows" in plain)) refuse("is tokens, which are read window by window");
    requireSize(wholeOf(plan, content).elements, elements(slot), refuse);
  }
}

/** Whether two windows are of the same choices. */
function isOfOneTask({ windows }: Plan, one: number, other: number | null): boolean {
  const [a, b] = [windows[one], windows[other ?? -1]];
  if (a === undefined || b === undefined || !isTaskPart(a.split) || !isTaskPart(b.split)) return false;
  return a.corpus === b.corpus && a.count === b.count;
}

function programOf({ programs }: Plan, name: string, refuse: Refuse): Program {
  return programs.find((program) => program.name === name) ?? refuse(`runs ${name}, which is no program`);
}

/** A stream as one artefact, with the windows as its first dimension. */
function wholeOf({ windows }: Plan, content: Content): Content {
  if (content.over === null) return content;
  const count = windows[content.over]?.count || null;
  const all = count === null || content.elements === null ? null : count * content.elements;
  return { ...content, elements: all, first: count, over: null };
}

/** What a step reads that has the number `at`: given, or made by a step before it. */
function contentOf(plan: Plan, ref: Ref, at: number, refuse: Refuse): Content {
  if ("tensor" in ref) {
    requireModel(plan, ref.model, at, refuse);
    return { dtype: null, elements: null, first: null, over: null };
  }
  if ("windows" in ref) {
    const { length } = plan.windows[ref.windows] ?? refuse(`is windows ${ref.windows}, which there are not`);
    return { dtype: "i32", elements: length, first: length, over: ref.windows };
  }
  if ("step" in ref) return madeBy(plan, ref, at, refuse);
  if ("pick" in ref) return picked(plan, ref, at, refuse);
  const parts = "stack" in ref ? ref.stack : [ref.of];
  if (parts.some((part) => isCopy(part) || plainRefs(part).some((plain) => !("step" in plain))))
    refuse("is put together of what no step has made");
  const whole = parts.map((part) => wholeOf(plan, contentOf(plan, part, at, refuse)));
  const [one] = whole;
  if (one === undefined) return refuse("is put together of nothing");
  if (whole.some(({ dtype, elements }) => dtype !== one.dtype || elements !== one.elements))
    refuse("is put together of what is not alike");
  if ("stack" in ref) return { ...one, elements: one.elements && one.elements * parts.length, first: parts.length };
  if (one.first !== null && ref.element >= one.first) refuse(`is element ${ref.element} of ${one.first}`);
  return { ...one, elements: one.elements && one.first && one.elements / one.first, first: null };
}

function madeBy(
  plan: Plan,
  { step: from, output }: Extract<Ref, { step: number }>,
  at: number,
  refuse: Refuse,
): Content {
  const step = plan.steps[from];
  if (step === undefined || from >= at) return refuse(`is made by step ${from}, which does not come before`);
  const program = programOf(plan, step.program, refuse);
  const made = slotsOf(program, "output", "accumulator").find(({ slot }) => slot.name === output);
  const { dtype, dims, role } = made?.slot ?? refuse(`is \`${output}\`, which step ${from} does not write`);
  return { dtype, elements: elements({ dims }), first: dims[0]?.size ?? 1, over: role === "output" ? step.over : null };
}

function picked(
  plan: Plan,
  { pick, by, at: place }: Extract<Ref, { pick: readonly Ref[] }>,
  at: number,
  refuse: Refuse,
): Content {
  if ([...pick, by].some(isCopy)) refuse("picks from copies");
  const decision = wholeOf(plan, contentOf(plan, by, at, refuse));
  if (decision.dtype !== "i32" || (decision.elements ?? 0) <= place)
    refuse(`is picked by what has no element ${place}`);
  const [one, ...others] = pick.map((each) => contentOf(plan, each, at, refuse));
  if (one === undefined) return refuse("is picked from nothing");
  const isAlike = ({ dtype, elements, over }: Content): boolean =>
    (dtype ?? one.dtype) === (one.dtype ?? dtype) &&
    (elements ?? one.elements) === (one.elements ?? elements) &&
    over === one.over;
  if (!others.every(isAlike)) refuse("is picked from what is not alike");
  return one;
}
