/** Joins groups that share a pass over memory, two at a time, as long as none then waits for itself. */
import type { Node } from "../graph/ops.ts";
import { count, type Dim } from "../graph/type.ts";
import { invariant } from "../invariant.ts";
import { mostSums } from "./cost.ts";
import { type Draft, isOfWords, isParallel, routineOf, sameInAnyOrder } from "./draft.ts";
import type { Materialised } from "./materialise.ts";
import { neighbours, type Place } from "./neighbours.ts";
import { type Precedence, precedence } from "./precedence.ts";
import { type BindingLimits, isBindable, joinedReads, type Reads, readsOf } from "./reads.ts";
import { sharesFirst } from "./roles.ts";

/** Groups further apart than this in the order of the graph are not compared. */
const mostApart = 64;

/** Nodes that a joined group computes: larger kernels are read by people and by recursion with difficulty. */
const mostComputed = 400;

/** A group, with what comparisons ask of it. */
interface Known extends Reads {
  readonly own: ReadonlySet<Node>;
  /** The groups that it was made of. */
  readonly parts: ReadonlySet<Draft>;
  /** Of its largest target. */
  readonly elements: number;
  /** Halves of a word are written together. */
  readonly isPacked: boolean;
}

interface World {
  readonly materialised: Materialised;
  readonly limits: BindingLimits;
  readonly known: Map<Draft, Known>;
  readonly order: Precedence;
}

/**
 * The same nodes have memory afterwards, in fewer groups. The first two that can be joined are, again and again. What was
 * refused once is refused for good, so that after a join each group is asked about what is new to it alone.
 */
export function merge(materialised: Materialised, limits: BindingLimits): Materialised {
  const known = new Map(materialised.drafts.map((draft) => [draft, alone(draft, materialised)]));
  const world: World = { materialised, limits, known, order: precedence(materialised.drafts, known) };
  const row = neighbours(materialised.drafts, mostApart);
  for (let place = row.first; place !== undefined; ) {
    const found = firstPartner(place, world);
    if (found === undefined) place = place.next;
    else {
      world.order.replace(place.draft, found.partner.draft, found.joined);
      place = row.join(place, found.partner, found.joined);
    }
  }
  return { ...materialised, drafts: row.drafts() };
}

const alone = (draft: Draft, materialised: Materialised): Known => ({
  ...readsOf(draft, materialised),
  own: new Set(draft.targets.map(({ node }) => node)),
  parts: new Set([draft]),
  elements: Math.max(...draft.targets.map(({ node }) => count(node.type))),
  isPacked: draft.targets.some(isOfWords),
});

function knownOf(draft: Draft, { known }: World): Known {
  const found = known.get(draft);
  invariant(found !== undefined, "a group is not known");
  return found;
}

interface Found {
  readonly partner: Place;
  readonly joined: Draft;
}

/** The nearest group after this one that it can be joined with, of those that it was not asked about yet. */
function firstPartner({ draft, unasked }: Place, world: World): Found | undefined {
  for (let partner = unasked.take(); partner !== undefined; partner = unasked.take()) {
    const made = partner.isGone ? undefined : joined(draft, partner.draft, world);
    if (made !== undefined && isFit(made, draft, partner.draft, world)) return { partner, joined: made };
  }
  return undefined;
}

/** Whether the two can run as one; what is known of it is noted then. */
function isFit(made: Draft, a: Draft, b: Draft, world: World): boolean {
  const { materialised, limits, known, order } = world;
  if (made.targets.length > limits.maxStorageBuffersPerShaderStage) return false;
  const [x, y] = [knownOf(a, world), knownOf(b, world)];
  const [few, many] = x.computed.size < y.computed.size ? [x.computed, y.computed] : [y.computed, x.computed];
  const added = [...few].filter((node) => !many.has(node)).length;
  if (many.size + added > mostComputed || order.parts(a, b)) return false;
  const own = new Set([...x.own, ...y.own]);
  const reads = joinedReads(x, y, own);
  if (!isBindable(made, reads, materialised, limits)) return false;
  known.set(made, {
    ...reads,
    own,
    parts: new Set([...x.parts, ...y.parts]),
    elements: Math.max(x.elements, y.elements),
    isPacked: x.isPacked || y.isPacked,
  });
  return true;
}

function joined(a: Draft, b: Draft, world: World): Draft | undefined {
  if (a.when !== b.when || [a, b].some((draft) => draft.isCopy || routineOf(draft) !== undefined)) return undefined;
  return a.ending === undefined ? joinedRows(a, b, world) : joinedContractions(a, b, world);
}

/** Sums with a common first factor and the same dimensions in each role, of which neither needs the other. */
function joinedContractions(a: Draft, b: Draft, world: World): Draft | undefined {
  const [x, y] = [a.ending, b.ending];
  if (x === undefined || y === undefined) return undefined;
  const products = [...x.products, ...y.products] as const;
  if (products.length > mostSums || !sharesFirst(x.products[0], y.products[0])) return undefined;
  if (isRead(knownOf(a, world), knownOf(b, world))) return undefined;
  const ending = { ...x, products, region: new Set([...x.region, ...y.region]) };
  return { ...a, targets: [...a.targets, ...b.targets], ending };
}

/** Maps and rows over the same outer dimensions, of which one reads the other's targets where it stands, or both the same memory. */
function joinedRows(a: Draft, b: Draft, world: World): Draft | undefined {
  if (b.ending !== undefined) return undefined;
  const [x, y] = [knownOf(a, world), knownOf(b, world)];
  if (x.isPacked || y.isPacked) return undefined;
  const outer = commonOuter(a, b);
  if (outer === undefined && (a.outer !== undefined || !sameInAnyOrder(dimsOf(a), dimsOf(b)))) return undefined;
  const elements = Math.max(x.elements, y.elements);
  const fits = (draft: Draft, dims: readonly Dim[]): boolean => draft.outer !== undefined || has(dimsOf(draft), dims);
  if (outer !== undefined && !(fits(a, outer) && fits(b, outer) && isParallel(outer, elements))) return undefined;
  if (!(isRead(x, y) ? readsInPlace(x, y, world) : sharesMemory(x, y, elements))) return undefined;
  return { ...a, targets: [...a.targets, ...b.targets], ...(outer === undefined ? {} : { outer }) };
}

/** Of the targets: where they have no outer dimensions in common, all have the same. */
const dimsOf = ({ targets }: Draft): readonly Dim[] => targets[0]?.node.type.dims ?? [];

const has = (dims: readonly Dim[], some: readonly Dim[]): boolean =>
  some.every(({ name, size }) => dims.some((dim) => dim.name === name && dim.size === size));

function commonOuter(a: Draft, b: Draft): readonly Dim[] | undefined {
  if (a.outer === undefined || b.outer === undefined) return a.outer ?? b.outer;
  return sameInAnyOrder(a.outer, b.outer) ? a.outer : undefined;
}

/** Targets of the one that the other reads. */
const readFrom = (writer: Known, reader: Known): readonly Node[] =>
  [...reader.stored].filter((node) => writer.own.has(node));

const isRead = (x: Known, y: Known): boolean => readFrom(x, y).length > 0 || readFrom(y, x).length > 0;

/** Whether each reads the other's targets at its own element or in a loop along its own row only. */
function readsInPlace(x: Known, y: Known, { materialised }: World): boolean {
  const isInPlace = (reader: Known, writer: Known): boolean =>
    readFrom(writer, reader)
      .flatMap((node) => [...(materialised.needs.get(node)?.values() ?? [])])
      .filter(({ draft }) => reader.parts.has(draft))
      .every(({ path, isFactor }) => !isFactor && path.every(({ loop }) => loop !== undefined));
  return isInPlace(x, y) && isInPlace(y, x);
}

/** Whether both read something about as large as what they compute. */
const sharesMemory = (x: Known, y: Known, elements: number): boolean =>
  [...x.stored].some((node) => y.stored.has(node) && count(node.type) * 2 >= elements);
