/** Joins groups that share a pass over memory, two at a time, as long as none then waits for itself. */
import type { Node } from "../graph/ops.ts";
import { storedAs } from "../graph/result-type.ts";
import { count, type Dim, isHalf } from "../graph/type.ts";
import { mostSums } from "./cost.ts";
import { type Draft, isParallel, sameNames } from "./draft.ts";
import type { Target } from "./group.ts";
import type { Placed } from "./place.ts";
import { type Precedence, precedence } from "./precedence.ts";
import { type BindingLimits, isBindable, type Reads, readsOf } from "./reads.ts";
import { sharesFirst } from "./roles.ts";

/** Groups further apart than this in the order of the graph are not compared. */
const mostApart = 64;

/** Nodes that a joined group computes: larger kernels are read by people and by recursion with difficulty. */
const mostComputed = 400;

/** The drafts with what each reads. */
interface World {
  readonly placed: Placed;
  readonly limits: BindingLimits;
  readonly reads: Map<Draft, Reads>;
  readonly order: Precedence;
}

/**
 * The same nodes have memory afterwards, in fewer groups. The first two that can be joined are, again and again: what was
 * refused once is refused for good, so that after a join only those before it that see something new are asked again.
 */
export function merge(placed: Placed, limits: BindingLimits): Placed {
  const reads = new Map(placed.drafts.map((draft) => [draft, readsOf(draft, placed)]));
  const world: World = { placed, limits, reads, order: precedence(placed.drafts, reads) };
  const row = chain(placed.drafts);
  const refused = new Map<Draft, Set<Draft>>();
  let link = row.first;
  while (link !== undefined) {
    const a = link.draft;
    const known = refused.get(a) ?? new Set();
    refused.set(a, known);
    const found = firstPartner(link, known, world);
    if (found === undefined) {
      link = link.next;
      continue;
    }
    world.order.replace(a, found.partner.draft, found.joined);
    link.draft = found.joined;
    remove(found.partner);
    for (let back = 0; back < mostApart && link.previous !== undefined; back++) link = link.previous;
  }
  return { ...placed, drafts: row.drafts() };
}

interface Found {
  readonly partner: Link;
  readonly joined: Draft;
}

/** The nearest group after this one that it can be joined with; those that it cannot are added to `refused`. */
function firstPartner({ draft, next }: Link, refused: Set<Draft>, world: World): Found | undefined {
  let partner = next;
  for (let apart = 0; apart < mostApart && partner !== undefined; apart++, partner = partner.next) {
    if (refused.has(partner.draft)) continue;
    const made = joined(draft, partner.draft, world);
    if (made !== undefined && isFit(made, draft, partner.draft, world)) return { partner, joined: made };
    refused.add(partner.draft);
  }
  return undefined;
}

/** Whether the two can run as one; its reads are then known. */
function isFit(made: Draft, a: Draft, b: Draft, { placed, limits, reads, order }: World): boolean {
  if (order.parts(a, b)) return false;
  const own = readsOf(made, placed);
  if (own.computed.size > mostComputed || !isBindable(made, own, placed, limits)) return false;
  reads.set(made, own);
  return true;
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

/** A place in the order in which groups are compared. */
interface Link {
  draft: Draft;
  previous: Link | undefined;
  next: Link | undefined;
}

function chain(drafts: readonly Draft[]): {
  readonly first: Link | undefined;
  readonly drafts: () => readonly Draft[];
} {
  const links = drafts.map((draft): Link => ({ draft, previous: undefined, next: undefined }));
  for (const [i, link] of links.entries()) [link.previous, link.next] = [links[i - 1], links[i + 1]];
  const [first] = links;
  const walk = function* (): Iterable<Draft> {
    for (let link = first; link !== undefined; link = link.next) yield link.draft;
  };
  return { first, drafts: () => [...walk()] };
}

/** What is removed is never the first: it is a partner of one before it. */
function remove({ previous, next }: Link): void {
  if (previous !== undefined) previous.next = next;
  if (next !== undefined) next.previous = previous;
}
