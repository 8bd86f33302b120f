/**
 * From kernels to a program: equal kernels become one, under the places of the first, and what has no slot gets its region.
 */
import { showPlace } from "../../grammar/source.ts";
import { type Group, nameOf, type When } from "../fuse/group.ts";
import type { Graph } from "../graph/graph.ts";
import type { Node } from "../graph/ops.ts";
import { regionsOf } from "../memory/regions.ts";
import { bytesOf, type Storage } from "../memory/storage.ts";
import type { Dispatch, Kernel, Program } from "../plan/program.ts";
import { hash } from "../plan/sha256.ts";
import type { Lowered } from "./lower.ts";

/** A kernel, and of which group it is. */
export interface GroupKernel {
  readonly group: Group;
  readonly kernel: Lowered;
}

export function link(
  graph: Graph,
  lowered: readonly GroupKernel[],
  storages: readonly Storage[],
): { readonly program: Omit<Program, "graph">; readonly kernels: readonly Kernel[] } {
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
    return { when: group.when, dispatch: dispatchOf(group, kernel, known.hash) };
  });
  const of = (when: When): readonly Dispatch[] =>
    dispatches.filter((each) => each.when === when).map(({ dispatch }) => dispatch);
  const [setup, main] = [of("setup"), of("main")];
  const { regions, regionOf } = regionsOf(storages, setup, main);
  const buffers = storages
    .filter(({ within }) => within === undefined)
    .map((storage) => {
      const { id, slot } = storage;
      const region = regionOf.get(id);
      return { id, bytes: bytesOf(storage), ...(slot && { slot }), ...(region !== undefined && { region }) };
    });
  return { program: { name: graph.name, buffers, regions, setup, main }, kernels: [...kernels.values()] };
}

function dispatchOf(
  group: Group,
  { bindings, workgroups, operations, bytesMoved, shape }: Lowered,
  kernel: string,
): Dispatch {
  const isRead = ({ storage }: Lowered["bindings"][number]): boolean => storage.slot?.accumulate !== undefined;
  return {
    kernel,
    bindings: bindings.map(({ storage, offset, bytes }) => ({ buffer: storage.id, offset, bytes })),
    workgroups,
    origin: placesOf(group),
    bytesMoved: bytesMoved ?? bindings.reduce((sum, binding) => sum + binding.bytes * (isRead(binding) ? 2 : 1), 0),
    operations,
    shape: shape ?? nameOf(group),
  };
}

/** Where the targets were written, each place once. */
const placesOf = ({ targets }: Group): readonly string[] => [
  ...new Set(targets.map(({ node }: { readonly node: Node }) => showPlace(node.origin))),
];
