/**
 * What the compiler knows about a device: plain data, so that a plan can be made for a device that is not here.
 * The runtime fills it in from an open adapter (runtime/gpu/adapter.ts).
 */

/** "software" is a CPU adapter that is neither of the two known ones; "null" compiles shaders and runs nothing. */
export type AdapterKind = "gpu" | "lavapipe" | "swiftshader" | "software" | "null";

/** One shape of the subgroup-matrix product: an M×K times a K×N matrix of `component`, summed in `result`. */
export interface SubgroupMatrix {
  readonly component: string;
  readonly result: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

export interface DeviceFacts {
  readonly kind: AdapterKind;
  /** True where the CPU plays the GPU: barriers are dear, and one subgroup is one SIMD register. */
  readonly software: boolean;
  readonly hasF16: boolean;
  readonly hasSubgroups: boolean;
  /** Invocations; without meaning where the device has no subgroups. */
  readonly subgroupMinSize: number;
  readonly subgroupMaxSize: number;
  readonly subgroupMatrices: readonly SubgroupMatrix[];
  /** Bytes. */
  readonly maxStorageBufferBindingSize: number;
  /** Bytes. */
  readonly maxBufferSize: number;
  readonly maxStorageBuffersPerShaderStage: number;
  readonly maxComputeInvocationsPerWorkgroup: number;
  /** Bytes. */
  readonly maxComputeWorkgroupStorageSize: number;
  readonly maxComputeWorkgroupsPerDimension: number;
}

/** More than any device offers: what cannot be compiled for it cannot run. */
export const mostCapable: DeviceFacts = {
  kind: "gpu",
  software: false,
  hasF16: true,
  hasSubgroups: true,
  subgroupMinSize: 32,
  subgroupMaxSize: 32,
  subgroupMatrices: [],
  maxStorageBufferBindingSize: 2 ** 32,
  maxBufferSize: 2 ** 48,
  maxStorageBuffersPerShaderStage: 2 ** 16,
  maxComputeInvocationsPerWorkgroup: 1024,
  maxComputeWorkgroupStorageSize: 2 ** 16,
  maxComputeWorkgroupsPerDimension: 65535,
};

/** The first fact by which kernels for one device cannot run on another; undefined: they can. */
export const misfit = (made: DeviceFacts, here: DeviceFacts): keyof DeviceFacts | undefined =>
  (Object.keys(mostCapable) as (keyof DeviceFacts)[]).find((name) => !serves(name, made, here));

function serves(name: keyof DeviceFacts, made: DeviceFacts, here: DeviceFacts): boolean {
  switch (name) {
    case "kind":
    case "software":
    case "hasSubgroups":
    case "subgroupMinSize":
    case "subgroupMaxSize":
      return made[name] === here[name];
    case "hasF16":
      return here.hasF16 || !made.hasF16;
    case "subgroupMatrices":
      return made.subgroupMatrices.every((matrix) => here.subgroupMatrices.some((other) => isSame(matrix, other)));
    default:
      return made[name] <= here[name];
  }
}

const isSame = (a: SubgroupMatrix, b: SubgroupMatrix): boolean =>
  a.component === b.component && a.result === b.result && a.M === b.M && a.N === b.N && a.K === b.K;

/** A piece of a buffer that is bound by itself. */
export interface BindingRange {
  readonly offset: number;
  readonly bytes: number;
}

/** A multiple of 256, at which bindings start. */
const stepOf = (largest: number): number => Math.floor(largest / 256) * 256;

/** In how many ranges a buffer of these bytes is bound. */
export const bindingCount = (bytes: number, largest: number): number => Math.ceil(bytes / stepOf(largest));

/** The ranges in which a buffer of these bytes is bound where a binding holds at most `largest`: they start at multiples of 256. */
export function bindingRanges(bytes: number, largest: number): readonly BindingRange[] {
  const step = stepOf(largest);
  return Array.from({ length: bindingCount(bytes, largest) }, (_, i) => ({
    offset: i * step,
    bytes: Math.min(step, bytes - i * step),
  }));
}
