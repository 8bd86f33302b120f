/** What of a program the device cannot hold. */
import { bytesIn, mostPositions } from "../graph/type.ts";
import { bytesOf, type Storage } from "../memory/storage.ts";
import { bindingCount, type DeviceFacts } from "../plan/device-facts.ts";
import type { Binding } from "./header.ts";
import type { GroupKernel } from "./link.ts";

export interface Excess {
  /** The buffer that is too large, or of a kernel that binds too much the one to divide, or else the largest. */
  readonly storage: Storage;
  /** What the kernel binds; undefined if the buffer itself is too large. */
  readonly bindings: number | undefined;
  /** Smaller buffers in its place would do: by themselves, or if what reads them is divided as well. */
  readonly relief: "alone" | "with-readers" | "none";
  /** What is too much in all: bytes of buffers, or bindings of kernels. */
  readonly total: number;
}

/** Bytes above which what kernels leave to each other is divided, whatever a device holds. */
export const largestScratch = 2 ** 32;

/** How large memory may be. */
export interface Limits {
  readonly facts: DeviceFacts;
  /** Bytes of what kernels leave to each other: `largestScratch` or less. */
  readonly mostScratch: number;
  /** What setup leaves to main: strips of it take as much as the whole. */
  readonly lasting: ReadonlySet<Storage>;
}

/** The most bytes that the storage may take. */
export function mostBytes(storage: Storage, { facts, mostScratch, lasting }: Limits): number {
  if (storage.slot) return Math.min(facts.maxBufferSize, bytesIn(storage.dtype, mostPositions));
  return Math.min(facts.maxBufferSize, lasting.has(storage) ? largestScratch : mostScratch);
}

/** The largest buffer above what it may be. */
export function excessOfBuffers(storages: readonly Storage[], limits: Limits): Excess | undefined {
  const over = (storage: Storage): number => Math.max(0, bytesOf(storage) - mostBytes(storage, limits));
  const storage = largest(storages.filter((each) => over(each) > 0));
  if (storage === undefined) return undefined;
  const total = storages.reduce((sum, each) => sum + over(each), 0);
  return { storage, bindings: undefined, relief: storage.slot ? "none" : "alone", total };
}

/** The first kernel with more bindings than the device offers. */
export function excessOfKernels(lowered: readonly GroupKernel[], facts: DeviceFacts): Excess | undefined {
  const most = facts.maxStorageBuffersPerShaderStage;
  const crowded = lowered.map(({ kernel }) => kernel.bindings).filter(({ length }) => length > most);
  const total = crowded.reduce((sum, { length }) => sum + length - most, 0);
  return crowded[0] && excessOfKernel(crowded[0], facts, total);
}

function excessOfKernel(bindings: readonly Binding[], facts: DeviceFacts, total: number): Excess | undefined {
  const isDivisible = (each: Storage): boolean =>
    each.slot === undefined && bindingCount(bytesOf(each), facts.maxStorageBufferBindingSize) > 1;
  const bound = bindings.map(({ storage }) => storage);
  const divisible = largest(bound.filter(isDivisible));
  const storage = divisible ?? largest(bound);
  if (storage === undefined) return undefined;
  const isWritten = bindings.some((binding) => binding.storage === storage && binding.access === "read_write");
  const relief = divisible === undefined ? "none" : isWritten ? "alone" : "with-readers";
  return { storage, bindings: bindings.length, relief, total };
}

const largest = (storages: readonly Storage[]): Storage | undefined =>
  storages.toSorted((a, b) => bytesOf(b) - bytesOf(a))[0];
