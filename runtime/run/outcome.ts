/** What a step has made: checked, and written to its file if it is durable, in one look at it. */
import type { Slot } from "../../compiler/plan/program.ts";
import { contentBytes, outputOf } from "../../compiler/plan/slots.ts";
import type { Check, Step } from "../../compiler/plan/step.ts";
import { fileType, floatWidth, isFloatDType } from "../../compiler/plan/stored-types.ts";
import type { Piece } from "../gpu/readback.ts";
import { firstNonFinite, toFloat32 } from "../io/numbers.ts";
import type { Outcome } from "../store/finished-steps.ts";
import type { OutputRecord } from "../store/journal.ts";
import { UserError } from "../user-error.ts";
import type { Session } from "./session.ts";

/** Makes the checks of the step at that place of the plan, in their order, and keeps its durable outputs; returns what the store records. */
export async function checkAndKeep(session: Session, at: number): Promise<Outcome> {
  const { checks, durable } = session.plan.steps[at] as Step;
  const left = new Set(durable);
  const outputs: OutputRecord[] = [];
  const none: string[] = [];
  for (const check of checks)
    if (check.must === "none") await requireNone(session, at, check);
    else if (check.must === "some") {
      if (await isZero(session, at, check)) none.push(check.output);
    } else outputs.push(...(await lookAt(session, at, check.output, { check, isKept: left.delete(check.output) })));
  for (const output of left) outputs.push(...(await lookAt(session, at, output, { check: null, isKept: true })));
  sayNone(session, at, none);
  return { outputs, ...(none.length > 0 && { none }) };
}

/** What is wrong with an output: the number, at the byte of the elements. */
interface Wrong {
  readonly number: number;
  readonly at: number;
}

async function requireNone(session: Session, at: number, check: Check): Promise<void> {
  let [number, first] = [0, -1];
  for await (const { piece, at: start } of session.store.contents({ step: at, output: check.output })) {
    const counts = new Int32Array(piece.slice().buffer);
    number += counts.reduce((sum, count) => sum + count, 0);
    const found = counts.findIndex((count) => count !== 0);
    if (first < 0 && found >= 0) first = start + 4 * found;
  }
  if (first >= 0) refuse(session, at, check, { number, at: first });
}

/** Whether a count is 0. */
async function isZero({ store }: Session, at: number, { output }: Check): Promise<boolean> {
  for await (const { piece } of store.contents({ step: at, output }))
    if (piece.some((byte) => byte !== 0)) return false;
  return true;
}

/** Says that the step has counted none of what there should be, in these outputs. */
export function sayNone({ plan, note }: Session, at: number, outputs: readonly string[]): void {
  const step = plan.steps[at] as Step;
  for (const { output, must, otherwise } of step.checks)
    if (must === "some" && outputs.includes(output)) note([...placeOf(step), otherwise].join(": "));
}

interface Look {
  readonly check: Check | null;
  readonly isKept: boolean;
}

/** The output's record, if it is kept. */
async function lookAt(
  session: Session,
  at: number,
  output: string,
  { check, isKept }: Look,
): Promise<readonly OutputRecord[]> {
  const { store, plan } = session;
  const { dtype } = outputOf(plan, at, output).slot;
  const file = isKept ? await store.keep({ step: at, output }) : null;
  try {
    for await (const { piece, at: start } of store.contents({ step: at, output })) {
      const wrong = check && nonFinite(piece, start, dtype);
      if (check && wrong) refuse(session, at, check, wrong);
      await file?.write(piece);
    }
    return file === null ? [] : [(await file.finish()).record];
  } catch (error) {
    await file?.abandon();
    throw error;
  }
}

/** The first NaN or infinity of a piece. */
function nonFinite(piece: Piece["piece"], start: number, dtype: Slot["dtype"]): Wrong | null {
  const stored = fileType(dtype);
  if (!isFloatDType(stored)) return null;
  const width = floatWidth(stored);
  const at = width * firstNonFinite(piece, stored);
  if (at < 0) return null;
  return { number: toFloat32(piece.slice(at, at + width), stored)[0] ?? Number.NaN, at: start + at };
}

function refuse({ plan }: Session, at: number, { output, otherwise }: Check, wrong: Wrong): never {
  const step = plan.steps[at] as Step;
  const window = Math.floor(wrong.at / contentBytes(outputOf(plan, at, output).slot));
  const sentence = otherwise.replaceAll("{n}", String(wrong.number)).replaceAll("{window}", String(window));
  throw new UserError([...placeOf(step), sentence].join(": "));
}

/** `stage sparse, layer 3, q (model.layers.3.self_attn.q_proj.weight)`; the model that is evaluated; nothing of a measure. */
function placeOf({ part: { stage, of, layer, what, changes } }: Step): readonly string[] {
  if (stage === null) return of === "" ? [] : [of];
  const place = [`stage ${of}`];
  if (layer !== null) place.push(`layer ${layer}`);
  if (changes !== undefined) place.push(`${what} (${changes.tensor})`);
  return [place.join(", ")];
}
