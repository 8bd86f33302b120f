/** Joins groups that share a pass over memory, two at a time, as long as none then waits for itself. */
import type { Node } from "../graph/ops.ts";
import { storedAs } from "../graph/result-type.ts";
import { count, type Dim, isHalf } from "../graph/type.ts";
import { mostSums } from "./cost.ts";
import { type Draft, isParallel, sameNames, writersOf } from "./draft.ts";
import type { Target } from "./group.ts";
import type { Placed } from "./place.ts";
import { type BindingLimits, isBindable, type Reads, readsOf, writersFor } from "./reads.ts";
import { sharesFirst } from "./roles.ts";

/** The same nodes have memory afterwards, in fewer groups. */
export function merge(placed: Placed, limits: BindingLimits): Placed {
  let drafts: readonly Draft[] = placed.drafts;
  for (;;) {
    const world = surveyed(drafts, placed);
    const pair = firstPair(world, limits);
    if (pair === undefined) return { ...placed, drafts };
    const [a, b, joined] = pair;
    drafts = drafts.flatMap((draft) => (draft === a ? [joined] : draft === b ? [] : [draft]));
  }
}

/** The drafts with what each reads. */
interface World {
  readonly placed: Placed;
  readonly drafts: readonly Draft[];
  readonly reads: ReadonlyMap<Draft, Reads>;
  readonly writers: ReadonlyMap<Node, readonly Draft[]>;
}

function surveyed(drafts: readonly Draft[], placed: Placed): World {
  return {
    placed,
    drafts,
    reads: new Map(drafts.map((draft) => [draft, readsOf(draft, placed)])),
    writers: writersOf(drafts),
  };
}

/** Groups further apart than this in the order of the graph are not compared. */
const mostApart = 64;

/** Nodes that a joined group computes: larger kernels are read by people and by recursion with difficulty. */
const mostComputed = 400;

function firstPair(world: World, limits: BindingLimits): readonly [Draft, Draft, Draft] | undefined {
  for (const [i, a] of world.drafts.entries())
    for (const b of world.drafts.slice(i + 1, i + 1 + mostApart)) {
      const made = joined(a, b, world);
      if (made === undefined || waitsForItself(a, b, world)) continue;
      const isSmall = readsOf(made, world.placed).computed.size <= mostComputed;
      if (isSmall && isBindable(made, world.placed, limits)) return [a, b, made];
    }
  return undefined;
}

function joined(a: Draft, b: Draft, world: World): Draft | undefined {
  if (a.stage !== b.stage || [a, b].some(({ isCopy, isBest }) => isCopy || isBest)) return undefined;
  return a.ending === undefined ? joinedRows(a, b, world) : joinedContractions(a, b);
}

/** Sums with a common first factor and the same dimensions in each role. */
function joinedContractions(a: Draft, b: Draft): Draft | undefined {
  const [x, y] = [a.ending, b.ending];
  if (x === undefined || y === undefined) return undefined;
  const products = [...x.products, ...y.products] as const;
  if (products.length > mostSums || !sharesFirst(x.products[0], y.products[0])) return undefined;
  const ending = { ...x, products, region: new Set([...x.region, ...y.region]) };
  return { ...a, targets: [...a.targets, ...b.targets], ending };
}

/** Maps and rows over the same outer dimensions, of which one reads the other's targets where it stands, or both the same memory. */
function joinedRows(a: Draft, b: Draft, world: World): Draft | undefined {
  if (b.ending !== undefined) return undefined;
  const targets = [...a.targets, ...b.targets];
  const outer = commonOuter(a, b);
  if (outer === undefined && targets.some(({ node }) => !sameNames(node.type.dims, a.targets[0]?.node.type.dims ?? [])))
    return undefined;
  if (a.outer !== undefined && b.outer !== undefined && outer === undefined) return undefined;
  if (targets.some(isPacked)) return undefined;
  const elements = Math.max(...targets.map(({ node }) => count(node.type)));
  if (outer !== undefined && !(targets.every(({ node }) => has(node, outer)) && isParallel(outer, elements)))
    return undefined;
  if (!readsInPlace(a, b, world) && !sharesMemory(a, b, elements, world)) return undefined;
  return { ...a, targets, ...(outer === undefined ? {} : { outer }) };
}

/** Halves of a word are written together. */
const isPacked = ({ node, output }: Target): boolean =>
  isHalf(output === undefined ? node.type.dtype : storedAs(output));

const has = ({ type }: Node, dims: readonly Dim[]): boolean =>
  dims.every(({ name }) => type.dims.some((dim) => dim.name === name));

function commonOuter(a: Draft, b: Draft): readonly Dim[] | undefined {
  if (a.outer === undefined || b.outer === undefined) return a.outer ?? b.outer;
  return sameNames(a.outer, b.outer) ? a.outer : undefined;
}

/** Whether one reads the other's targets, and at its own element or in a loop along its own row only. */
function readsInPlace(a: Draft, b: Draft, { placed, reads }: World): boolean {
  const inPlace = (reader: Draft, writer: Draft): boolean => {
    const read = writer.targets.map(({ node }) => node).filter((node) => reads.get(reader)?.stored.has(node));
    const needs = read.flatMap((node) => [...(placed.needs.get(node)?.values() ?? [])]);
    const own = needs.filter(({ draft }) => reader.targets.some((target) => draft.targets.includes(target)));
    return read.length > 0 && own.every(({ path, isFactor }) => !isFactor && path.every(({ loop }) => loop.length > 0));
  };
  const isRead = (reader: Draft, writer: Draft): boolean =>
    writer.targets.some(({ node }) => reads.get(reader)?.stored.has(node));
  return (isRead(a, b) || isRead(b, a)) && (!isRead(a, b) || inPlace(a, b)) && (!isRead(b, a) || inPlace(b, a));
}

/** Whether neither reads the other, and both read something about as large as what they compute. */
function sharesMemory(a: Draft, b: Draft, elements: number, { reads }: World): boolean {
  const [x, y] = [reads.get(a), reads.get(b)];
  if (x === undefined || y === undefined) return false;
  const isOwn = (draft: Draft, node: Node): boolean => draft.targets.some((target) => target.node === node);
  if ([...x.stored].some((node) => isOwn(b, node)) || [...y.stored].some((node) => isOwn(a, node))) return false;
  return [...x.stored].some((node) => y.stored.has(node) && count(node.type) * 2 >= elements);
}

/** Whether a group between the two needs one and is needed by the other. */
function waitsForItself(a: Draft, b: Draft, { reads, writers }: World): boolean {
  const seen = new Set<Draft>();
  const before = (draft: Draft): readonly Draft[] => {
    const own = reads.get(draft);
    return own === undefined ? [] : writersFor(own, writers);
  };
  const pending = [a, b].flatMap(before).filter((draft) => draft !== a && draft !== b);
  for (let draft = pending.pop(); draft !== undefined; draft = pending.pop()) {
    if (draft === a || draft === b) return true;
    if (seen.has(draft)) continue;
    seen.add(draft);
    pending.push(...before(draft));
  }
  return false;
}
