/**
 * From kernels to a program: equal kernels become one, under the places of the first, and buffers get their live ranges.
 */
import { showPlace } from "../../grammar/source.ts";
import type { Group, Stage } from "../fuse/group.ts";
import type { Graph } from "../graph/graph.ts";
import type { Node } from "../graph/ops.ts";
import { bytesOf, type Storage } from "../memory/storage.ts";
import { type DeviceFacts, partsOf } from "../plan/device-facts.ts";
import { hash } from "../plan/hash.ts";
import type { Buffer, Dispatch, Kernel, Program } from "../plan/program.ts";
import type { Lowered } from "./lower.ts";

export interface LoweredGroup {
  readonly group: Group;
  readonly kernel: Lowered;
}

export function link(
  graph: Graph,
  lowered: readonly LoweredGroup[],
  storages: readonly Storage[],
  facts: DeviceFacts,
): { readonly program: Program; readonly kernels: readonly Kernel[] } {
  const kernels = new Map<string, Kernel>();
  const dispatches = lowered.map(({ group, kernel }) => {
    const { wgsl, bindings, features } = kernel;
    const text = `// ${placesOf(group).join(", ")}\n${wgsl}`;
    const known = kernels.get(wgsl) ?? {
      hash: hash(text),
      wgsl: text,
      bindings: bindings.map(({ access }) => access),
      features,
    };
    kernels.set(wgsl, known);
    return { stage: group.stage, dispatch: dispatchOf(group, kernel, known.hash) };
  });
  const of = (stage: Stage): readonly Dispatch[] =>
    dispatches.filter((each) => each.stage === stage).map(({ dispatch }) => dispatch);
  const [setup, main] = [of("setup"), of("main")];
  const isSetup = new Set(setup.flatMap(({ bindings }) => bindings.map(({ buffer }) => buffer)));
  const lives = livesIn(main);
  const buffers = storages.map((storage) =>
    bufferOf(storage, isSetup.has(storage.id) ? undefined : lives.get(storage.id), facts),
  );
  return { program: { name: graph.name, buffers, setup, main }, kernels: [...kernels.values()] };
}

function dispatchOf(group: Group, { bindings, workgroups, operations }: Lowered, kernel: string): Dispatch {
  const isRead = ({ storage }: Lowered["bindings"][number]): boolean => storage.slot?.accumulate !== undefined;
  return {
    kernel,
    bindings: bindings.map(({ storage, offset, bytes }) => ({ buffer: storage.id, offset, bytes })),
    workgroups,
    origin: placesOf(group),
    bytesMoved: bindings.reduce((sum, binding) => sum + binding.bytes * (isRead(binding) ? 2 : 1), 0),
    operations,
    shape: group.shape,
  };
}

/** Where the targets were written, each place once. */
const placesOf = ({ targets }: Group): readonly string[] => [
  ...new Set(targets.map(({ node }: { readonly node: Node }) => showPlace(node.origin))),
];

/** The first and the last dispatch that touches each buffer. */
function livesIn(main: readonly Dispatch[]): ReadonlyMap<number, NonNullable<Buffer["live"]>> {
  const lives = new Map<number, NonNullable<Buffer["live"]>>();
  for (const [i, { bindings }] of main.entries())
    for (const { buffer } of bindings) lives.set(buffer, { from: lives.get(buffer)?.from ?? i, to: i });
  return lives;
}

function bufferOf(storage: Storage, live: Buffer["live"], facts: DeviceFacts): Buffer {
  const bytes = bytesOf(storage);
  return {
    id: storage.id,
    bytes,
    ...(storage.slot === undefined ? {} : { slot: storage.slot }),
    ...(storage.slot === undefined && live !== undefined ? { live } : {}),
    parts: partsOf(bytes, facts.maxStorageBufferBindingSize),
  };
}
