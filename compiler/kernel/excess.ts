/** What of a program the device cannot hold. */
import { type DeviceFacts, partsOf } from "../plan/device-facts.ts";
import { bytesOf, type Storage } from "../schedule/storage.ts";
import type { Binding } from "./header.ts";
import type { LoweredGroup } from "./link.ts";

export interface Excess {
  /** The buffer that is too large, or of a kernel that binds too much the one to divide, or else the largest. */
  readonly storage: Storage;
  /** What the kernel binds; undefined if the buffer itself is too large. */
  readonly bindings: number | undefined;
  /** Smaller buffers in its place would do: by themselves, or if what reads them is divided as well. */
  readonly relief: "alone" | "with-readers" | "none";
}

/** The largest buffer above what the device holds, else the first kernel with more bindings than it offers. */
export function excessOf(
  lowered: readonly LoweredGroup[],
  storages: readonly Storage[],
  facts: DeviceFacts,
): Excess | undefined {
  const storage = largest(storages.filter((each) => bytesOf(each) > facts.maxBufferSize));
  if (storage !== undefined) return { storage, bindings: undefined, relief: storage.slot ? "none" : "alone" };
  const crowded = lowered.find(({ kernel }) => kernel.bindings.length > facts.maxStorageBuffersPerShaderStage);
  return crowded && excessOfKernel(crowded.kernel.bindings, facts);
}

function excessOfKernel(bindings: readonly Binding[], facts: DeviceFacts): Excess | undefined {
  const isDivisible = (each: Storage): boolean =>
    each.slot === undefined && partsOf(bytesOf(each), facts.maxStorageBufferBindingSize).length > 1;
  const bound = bindings.map(({ storage }) => storage);
  const divisible = largest(bound.filter(isDivisible));
  const storage = divisible ?? largest(bound);
  if (storage === undefined) return undefined;
  const isWritten = bindings.some((binding) => binding.storage === storage && binding.access === "read_write");
  const relief = divisible === undefined ? "none" : isWritten ? "alone" : "with-readers";
  return { storage, bindings: bindings.length, relief };
}

const largest = (storages: readonly Storage[]): Storage | undefined =>
  storages.toSorted((a, b) => bytesOf(b) - bytesOf(a))[0];
