/** The forward pass of a model over all windows of a text, piece by piece. */
import type { Forward } from "../../compiler/plan/plan.ts";
import { slotNames } from "../../compiler/plan/program.ts";
import type { Windows } from "../io/corpus.ts";
import { type Activations, activations } from "./activations.ts";
import { type LoadedProgram, type SlotBuffer, slotNamed } from "./programs.ts";
import type { Session } from "./session.ts";
import { bindWeights, type HeldWeights, holdWeights, type Model } from "./weights.ts";

/** The activations in front of the first block. */
export async function embed(session: Session, forward: Forward, model: Model, windows: Windows): Promise<Activations> {
  return session.withProgram(forward.embed, async (program) => {
    const output = onlyOutput(program);
    const made = await activations(session, windows.length, output.bytes);
    try {
      await withTokens(session, program, async (send) => {
        await withWeights(session, program, model, null, () =>
          made.fill((buffer, i) => {
            send(windows.at(i));
            program.bind("output", output.slot.name, buffer);
            program.run();
          }),
        );
      });
    } catch (error) {
      made.release();
      throw error;
    }
    return made;
  });
}

/** Replaces the activations in front of a block by those behind it; `visited` hears of each window. */
export async function runBlock(
  session: Session,
  name: string,
  weights: HeldWeights,
  layer: number,
  between: Activations,
  visited: (window: number) => void,
): Promise<void> {
  await session.withProgram(name, async (program) => {
    const output = onlyOutput(program);
    await bindWeights(program, weights, layer);
    program.setup();
    await between.advance((before, after, i) => {
      program.bind("data", slotNames.activation, before);
      program.bind("output", output.slot.name, after);
      program.run();
      visited(i);
    });
  });
}

/** Binds the weights of a program outside the blocks, sets it up, and gives them back after `use`. */
export async function withWeights(
  { pool }: Session,
  program: LoadedProgram,
  model: Model,
  layer: number | null,
  use: () => Promise<void>,
): Promise<void> {
  const weights = holdWeights(pool, model);
  try {
    await bindWeights(program, weights, layer);
    program.setup();
    await use();
  } finally {
    weights.release();
  }
}

/** Binds the slot of the tokens, if the program has one; `send` puts a window into it. */
export async function withTokens(
  { pool }: Session,
  program: LoadedProgram,
  use: (send: (window: Int32Array) => void) => Promise<void>,
): Promise<void> {
  if (!program.slots("data").some(({ slot }) => slot.name === slotNames.tokens)) return use(() => undefined);
  const { bytes } = slotNamed(program, "data", slotNames.tokens);
  const buffer = await pool.acquire(bytes, "a window of tokens");
  try {
    program.bind("data", slotNames.tokens, buffer);
    await use((window) => pool.upload(buffer, new Int32Array(window)));
  } finally {
    pool.release(buffer);
  }
}

function onlyOutput(program: LoadedProgram): SlotBuffer {
  const [output, second] = program.slots("output");
  if (output === undefined || second !== undefined) throw new Error(`program ${program.name} must have one output`);
  return output;
}
