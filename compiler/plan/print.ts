/** A plan for people: all but the texts of its recipe and of its kernels, indented, with what repeats itself printed once. */
import { abridged } from "./abridged.ts";
import type { Plan } from "./plan.ts";
import type { Dispatch, Kernel, Program, Slot } from "./program.ts";
import type { Ref, SavedTensor, SaveRecord, Step } from "./step.ts";

/** Lines longer than this are divided. */
const widest = 140;

/** The plan as lines; a kernel is named by the first digits of its hash, steps and windows by their places. */
export function printPlan(plan: Plan): string {
  const { version, recipe, models, corpora, device, windows, stages, steps, values, saves, programs, kernels } = plan;
  const { text: _, ...named } = recipe;
  const shown = {
    ...{ version, recipe: named, models, corpora, device, stages },
    windows: windows.map((each, i) => ({ windows: i, ...each })),
    steps: steps.map(showStep),
    values: values.map(({ value, ...others }) => ({ ...others, value: isObject(value) ? showRef(value) : value })),
    saves: saves.map((save) => ({
      ...save,
      tensors: save.tensors.map(showSaved),
      ...showAdapter(save),
      ...showCheck(save),
    })),
    programs: programs.map(showProgram),
    kernels: kernels.map(showKernel),
  };
  return `${linesOf(shown).join("\n")}\n`;
}

function showStep({ program, reads, over, checks, durable, part }: Step, i: number): object {
  const { of, layer, what, changes } = part;
  const place = [of, ...(layer === null ? [] : [`layer ${layer}`]), what].filter((word) => word !== "");
  return {
    step: `${i} ${place.join(" ")}: ${program}${over === null ? "" : ` over windows ${over}`}`,
    reads: Object.entries(reads).map(([slot, ref]) => `${slot} ← ${showRef(ref)}`),
    ...(checks.length > 0 && { checks: checks.map(({ output, must }) => `${output} ${must}`) }),
    ...(durable.length > 0 && { durable }),
    ...(changes && {
      changes: [
        `${changes.tensor} to ${changes.outputs.join(", ")}`,
        ...(changes.zeros ? [`with ${changes.zeros}`] : []),
      ].join(", "),
    }),
  };
}

function showRef(ref: Ref): string {
  if ("tensor" in ref) return `${ref.model} ${ref.tensor}`;
  if ("step" in ref) return `${ref.step} ${ref.output}`;
  if ("windows" in ref) return `windows ${ref.windows}`;
  if ("stack" in ref) return `stack [${abridged(ref.stack.map(showRef)).join(", ")}]`;
  if ("element" in ref) return `${ref.element} of ${showRef(ref.of)}`;
  return `[${abridged(ref.pick.map(showRef)).join(", ")}] at ${ref.at} of ${showRef(ref.by)}`;
}

const showSaved = ({ name, dtype, shape, from, blocks }: SavedTensor): string =>
  `${name} ${dtype}[${shape.join(", ")}] ← ${showRef(from)}${blocks ? `, in ${blocks.format} of ${blocks.of}` : ""}`;

const showAdapter = ({ adapter }: SaveRecord): object =>
  adapter ? { adapter: { ...adapter, tensors: adapter.tensors.map(showSaved) } } : {};

const showCheck = ({ check }: SaveRecord): object =>
  check
    ? { check: { ...check, values: Object.entries(check.values).map(([name, ref]) => `${name} ← ${showRef(ref)}`) } }
    : {};

function showProgram({ name, buffers, regions, setup, main }: Program): object {
  const slots = buffers.flatMap(({ id, slot }) => (slot === undefined ? [] : [`${id} ${showSlot(slot)}`]));
  const scratch = regions.map(({ bytes, lasts }) => `${bytes}${lasts ? " lasts" : ""}`);
  return { program: name, slots, scratch, setup: setup.map(showDispatch), main: main.map(showDispatch) };
}

const showSlot = ({ name, role, dtype, dims, accumulate }: Slot): string =>
  `${role} ${name} ${dtype}[${dims.map((dim) => `${dim.name}: ${dim.size}`).join(", ")}]${accumulate === undefined ? "" : ` ${accumulate}`}`;

function showDispatch({ kernel, bindings, workgroups, origin, bytesMoved, operations, shape }: Dispatch): string {
  const bound = bindings.map(({ buffer, offset }) => (offset === 0 ? `${buffer}` : `${buffer}+${offset}`));
  const work = `${bytesMoved} bytes, ${operations} operations`;
  return `${shape} ${shortened(kernel)} ${workgroups.join("×")} on ${bound.join(" ")}: ${work}, ${origin.join(" ")}`;
}

const showKernel = ({ hash, bindings, features, wgsl }: Kernel): string =>
  `${shortened(hash)} ${[...bindings, ...features].join(" ")}, ${wgsl.split("\n").length} lines`;

const shortened = (hash: string): string => hash.slice(0, 12);

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/** On one line. */
function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (isObject(value))
    return `{${Object.entries(value)
      .map(([key, each]) => `${key} ${inline(each)}`)
      .join(", ")}}`;
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value)
    ? shortened(value)
    : String(value).replaceAll("\n", " ");
}

/** A field a line, or more where one line is too short; each element of a list with a dash. */
function linesOf(value: object): readonly string[] {
  if (Array.isArray(value))
    return abridged(value.map(elementOf)).flatMap((text) => `- ${text.replaceAll("\n", "\n  ")}`.split("\n"));
  return Object.entries(value).flatMap(([key, each]) => {
    const line = `${key} ${inline(each)}`;
    return line.length <= widest || !isObject(each) ? [line] : [key, ...linesOf(each).map((part) => `  ${part}`)];
  });
}

function elementOf(value: unknown): string {
  const line = inline(value).replace(/^\{(.*)\}$/, "$1");
  return line.length <= widest || !isObject(value) ? line : linesOf(value).join("\n");
}
