/** How a model continues a text: its forward pass for the tokens that come next, part by part, and which token follows. */
import type { Span } from "../../../grammar/source.ts";
import type { Graph } from "../../graph/graph.ts";
import { type Maker, maker } from "../../graph/make.ts";
import type { Node } from "../../graph/ops.ts";
import { slotNames } from "../../graph/slots.ts";
import { type Context, report } from "../../language/context.ts";
import type { Tensor } from "../../language/tensor.ts";
import { tensorName } from "../../model/declared-tensor.ts";
import { layersOf, type Model } from "../../model/value.ts";
import {
  type Continuation,
  type ContinuationSizes,
  ofTexts,
  type TextStep,
  textBuffers,
} from "../../plan/continuation.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Program } from "../../plan/program.ts";
import { elements, pieceBytes, type SlotBuffer, slotsOf } from "../../plan/slots.ts";
import type { Ref, Step } from "../../plan/step.ts";
import { howMany, isNotFinite } from "../finite.ts";
import { blockPass, entryOf, type Forwarding, startOf } from "../forward-graphs.ts";
import { forNextTokens } from "./next-tokens.ts";

/** Steps, and the places of those that follow each other. */
interface Emitted {
  readonly steps: readonly Step<Graph>[];
  readonly prompt: readonly number[];
  readonly next: readonly number[];
  readonly together: readonly number[];
}

/** A piece of the forward pass at windows of two lengths, which are the same but for that. */
interface Piece {
  readonly layer: number | null;
  readonly what: string;
  readonly long: Graph;
  readonly short: Graph;
}

interface Emitting extends Forwarding, ContinuationSizes {
  readonly model: Model;
  readonly token: string;
  /** Where graphs for next tokens are made. */
  readonly made: Maker;
  readonly steps: Step<Graph>[];
}

/** A length that every architecture has windows of. */
const shortest = 2;

/** The steps for a piece of a prompt, those for one token, and behind them the one that says which follows; problems are noted in the context. */
export function emitContinuation(context: Context, graphs: Maker, model: Model, sizes: ContinuationSizes): Emitted {
  const forwarding: Forwarding = { context, maker: graphs, passes: new Map() };
  const { span } = model.type.arch.declaration;
  const [long, short] = [sizes.capacity, shortest].map((length) => startOf(forwarding, model.type, length, span));
  const [entry, shortEntry] = [long?.entry, short?.entry];
  if (!entry || !shortEntry) {
    report(context, { kind: "not-supported", span, what: "text from a model without blocks" });
    return { steps: [], prompt: [], next: [], together: [] };
  }
  const token = entry.dims.find(({ name }) => name === "token")?.id ?? "";
  const at: Emitting = { ...forwarding, ...sizes, model, token, made: maker(), steps: [] };
  const pieces = [
    ...both(null, "embedding", [entry, shortEntry].map(embedding(graphs))),
    ...Array.from({ length: layersOf(model.type) }, (_, layer) =>
      both(
        layer,
        "outputs",
        [entry, shortEntry].map((each) => blockPass(at, model.type, layer, entryOf(each)).graph),
      ),
    ).flat(),
  ];
  const heads = [long, short].map((start) => start?.logits.kind === "tensor" && head(at, start.logits, span));
  const last = both(null, "head", heads);
  const added = (some: readonly Piece[], count: number, texts?: number): readonly number[] =>
    some.flatMap((piece) => addStep(at, piece, count, texts));
  const prompt = added(pieces, at.chunk);
  if (at.texts !== undefined)
    return { steps: at.steps, prompt, next: added(last, 1), together: added([...pieces, ...last], 1, at.texts) };
  const single = at.chunk === 1 ? prompt : added(pieces, 1);
  return { steps: at.steps, prompt, next: [...single, ...added(last, 1)], together: [] };
}

const embedding =
  (graphs: Maker) =>
  ({ node }: Tensor): Graph =>
    graphs.graph("embed", [{ name: slotNames.activation, node, store: "f32" }]);

/** A piece, if the forward pass has it at both lengths. */
function both(layer: number | null, what: string, [long, short]: readonly (Graph | null | false)[]): readonly Piece[] {
  return long && short ? [{ layer, what, long, short }] : [];
}

/** The token with the greatest logit; -1 where a logit is no number. */
function head({ maker: graphs, token }: Emitting, { node, dims }: Tensor, span: Span): Graph {
  const { make } = graphs;
  const vocabulary = dims.flatMap(({ id }) => (id === token ? [] : [id]));
  const number = (value: number): Node => make("constant", [], { value, dtype: "i32" }, span);
  const best = make("reduce", [node], { by: "argmax", over: vocabulary }, span);
  const wrong = make("less", [number(0), howMany(graphs, isNotFinite(graphs, node), vocabulary)], {}, span);
  return graphs.graph("head", [{ name: slotNames.next, node: make("select", [wrong, number(-1), best], {}, span) }]);
}

/** Adds the step of a piece for so many tokens, of each of several texts or of one; its place, or nothing, and a problem, where tokens need what comes later. */
function addStep(at: Emitting, { layer, what, long, short }: Piece, count: number, texts?: number): readonly number[] {
  const { context, model, token, capacity, made, steps } = at;
  const [graph, other] = [long, short].map((each) => forNextTokens(each, { token, count, capacity, texts }, made));
  if (!graph || !other) return [];
  if ("what" in graph) {
    report(context, { kind: "not-supported", span: graph.node.origin, what: `text from a model with ${graph.what}` });
    return [];
  }
  if (graph !== other) {
    const { span } = model.type.arch.declaration;
    const text = `texts of up to ${capacity} tokens from a model whose forward pass hangs on how long the text is`;
    report(context, { kind: "not-supported", span, what: text });
    return [];
  }
  const reads: Record<string, Ref> = {};
  for (const node of graph.nodes) {
    if (node.op !== "input" || node.attrs.role === "data") continue;
    const ref = model.at.get(tensorName(node.attrs.name, layer));
    if (ref) reads[node.attrs.name] = ref;
  }
  const part = { stage: null, of: model.name, layer, what };
  return [steps.push({ program: graph, reads, over: null, checks: [], durable: [], places: {}, part }) - 1];
}

/** Where compiled steps read and write, and the most that all of it takes. */
export function withBuffers(
  { prompt, next, together }: Omit<Emitted, "steps">,
  { steps, programs }: Pick<Plan, "steps" | "programs">,
): Pick<Continuation, "prompt" | "next" | "together" | "buffers"> & Pick<Plan, "peaks"> {
  const byName = new Map(programs.map((program) => [program.name, program]));
  const programOf = (step: number): Program => byName.get(steps[step]?.program ?? "") as Program;
  const buffers = new Map<string, number>();
  const bound =
    (isOfTexts: boolean) =>
    (step: number, place: number): TextStep => {
      const layer = steps[step]?.part.layer ?? null;
      const named = (role: "data" | "output"): Record<string, string> =>
        Object.fromEntries(
          slotsOf(programOf(step), role).map((slot) => {
            const name = bufferFor(slot, { place, layer, isOfTexts });
            buffers.set(name, slot.bytes);
            return [slot.slot.name, name];
          }),
        );
      const [data, outputs] = [named("data"), named("output")];
      const adds = slotsOf(programOf(step), "output").flatMap(({ slot, bytes }) => {
        const [from, to] = [outputs[slot.name], data[slot.name]];
        const isKept = slot.name !== slotNames.activation && from !== undefined && to !== undefined;
        return isKept ? [{ from, to, bytes: bytes / (slot.dims[0]?.size ?? 1) }] : [];
      });
      return { step, data, outputs, adds };
    };
  const made = { prompt: prompt.map(bound(false)), next: next.map(bound(false)), together: together.map(bound(true)) };
  const weights = new Map(
    steps.flatMap(({ reads }, step) =>
      slotsOf(programOf(step), "weight").map(({ slot, bytes }) => [JSON.stringify(reads[slot.name]), bytes] as const),
    ),
  );
  const regions = steps.flatMap((_, step) => programOf(step).regions.map(({ bytes }) => bytes));
  const gpu = pieceBytes + sum(weights.values()) + sum(regions) + sum(buffers.values());
  return { ...made, buffers: Object.fromEntries(buffers), peaks: { gpu, host: 2 * pieceBytes } };
}

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((all, each) => all + each, 0);

/** Activations come from one of two buffers and go to the other; what tokens see of each other is kept for each block. */
function bufferFor(
  { slot, bytes }: SlotBuffer,
  { place, layer, isOfTexts }: { readonly place: number; readonly layer: number | null; readonly isOfTexts: boolean },
): string {
  const { name, role } = slot;
  const isData = role === "data";
  if (isOfTexts && (name === slotNames.tokens || name === slotNames.next)) return textBuffers.nexts;
  if (name === slotNames.tokens) return elements(slot) === 1 ? textBuffers.next : textBuffers.tokens;
  if (name === slotNames.position) return isOfTexts ? textBuffers.positions : textBuffers.position;
  if (name === slotNames.next) return textBuffers.next;
  if (name === slotNames.activation) return `${name} ${(place + Number(!isData)) % 2}, ${bytes} bytes`;
  if (!isData) return `${name} of new tokens, ${bytes} bytes`;
  const kept = `${name} of block ${layer}`;
  return isOfTexts ? ofTexts(kept) : kept;
}
