/**
 * An open device: all of the adapter's limits and the features that kernels use. What goes wrong on it (loss, a refused
 * command, no memory) becomes one UserError, kept as the device's failure and thrown by whatever waits on the device.
 */
import { globals } from "webgpu";
import type { DeviceFacts } from "../../compiler/plan/device-facts.ts";
import { UserError } from "../user-error.ts";
import {
  type Access,
  type AdapterInfo,
  adapterInfo,
  type Demand,
  demandedAdapter,
  deviceFacts,
  findAdapter,
  nullAdapter,
  subgroupMatrixFeature,
} from "./adapter.ts";

import { calmPolling } from "./polling.ts";

/** WebGPU's constants, which Dawn does not make global. */
export const { GPUBufferUsage: bufferUsage, GPUMapMode: mapMode } = globals as Pick<
  typeof globalThis,
  "GPUBufferUsage" | "GPUMapMode"
>;

export interface Device {
  readonly device: GPUDevice;
  readonly queue: GPUQueue;
  readonly adapterInfo: AdapterInfo;
  readonly facts: DeviceFacts;
  readonly hasTimestamps: boolean;
  /** Never resolves; rejects with the first failure. */
  readonly lost: Promise<never>;
  /** Runs `make`, which must not wait, and fails with `what` in the sentence if the device refused it, or with OutOfMemory. */
  readonly create: <T>(what: string, make: () => T) => Promise<T>;
  /** Waits for `work` of the device (a map, a pipeline, submitted commands) and throws the device's failure if it has one. */
  readonly settle: <T>(work: Promise<T>) => Promise<T>;
  readonly close: () => void;
}

/** There is no memory for something: whoever holds what nobody needs can give it back and try again. */
export class OutOfMemory extends UserError {}

export interface DeviceOptions {
  /** Defaults to LCOMP_ADAPTER; a "null" device compiles shaders and runs nothing. */
  readonly adapter?: Demand | "null";
  /** By default that of kernels which the compiler has just made. */
  readonly access?: Access;
}

/** What a kernel may enable, where the adapter has it. */
const wantedFeatures = ["shader-f16", "subgroups", "timestamp-query", subgroupMatrixFeature];

export async function openDevice(options: DeviceOptions = {}): Promise<Device> {
  if (options.adapter === "null") return open(await nullAdapter());
  const demand = options.adapter ?? demandedAdapter();
  const adapter = await findAdapter(demand, options.access);
  if (adapter === undefined) throw new UserError(missingAdapter(demand));
  return open(adapter);
}

function missingAdapter(demand: Demand | undefined): string {
  const missing =
    demand === undefined
      ? "This machine has neither a GPU with a driver nor a software adapter."
      : `LCOMP_ADAPTER demands ${demand}, and this machine has no such adapter.`;
  return `${missing} "lcomp doctor" says what to install.`;
}

async function open(adapter: GPUAdapter): Promise<Device> {
  const device = await requestDevice(adapter);
  const failure = watch(device);
  const endCalm = calmPolling();
  return {
    device,
    queue: device.queue,
    adapterInfo: adapterInfo(adapter),
    facts: deviceFacts(adapter),
    hasTimestamps: adapter.features.has("timestamp-query"),
    lost: failure.lost,
    create: (what, make) => create(device, failure, what, make),
    settle: (work) => settle(failure, work),
    close: () => {
      failure.isClosed = true;
      device.destroy();
      endCalm();
    },
  };
}

async function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const requiredLimits: Record<string, number> = {};
  for (const name in adapter.limits) requiredLimits[name] = adapter.limits[name as keyof GPUSupportedLimits] as number;
  const requiredFeatures = wantedFeatures.filter((name) => adapter.features.has(name)) as GPUFeatureName[];
  return adapter.requestDevice({ requiredFeatures, requiredLimits });
}

interface Failure {
  first: UserError | undefined;
  isClosed: boolean;
  readonly lost: Promise<never>;
}

/** Keeps the first failure. Nothing races against `lost`: each race would leave a reaction on it for the device's life. */
function watch(device: GPUDevice): Failure {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => undefined);
  const failure: Failure = { first: undefined, isClosed: false, lost: promise };
  const fail = (message: string): void => {
    if (failure.isClosed) return;
    failure.first ??= new UserError(message);
    reject(failure.first);
  };
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault();
    fail(refusal("a command", event.error));
  });
  device.lost.then(({ message }) => fail(`The GPU was lost while it worked: ${firstLine(message)}`));
  return failure;
}

async function create<T>(device: GPUDevice, failure: Failure, what: string, make: () => T): Promise<T> {
  for (const filter of ["out-of-memory", "validation", "internal"] as const) device.pushErrorScope(filter);
  let made: T;
  let scopes: Promise<(GPUError | null)[]>;
  try {
    made = make();
  } finally {
    // Popped before anything waits, so that no other work can come between.
    scopes = Promise.all([device.popErrorScope(), device.popErrorScope(), device.popErrorScope()]);
  }
  const error = (await settle(failure, scopes)).find((found) => found !== null);
  if (error) throw new (isMemory(error) ? OutOfMemory : UserError)(refusal(what, error));
  return made;
}

async function settle<T>(failure: Failure, work: Promise<T>): Promise<T> {
  const result = await work.catch((error: unknown) => {
    throw failure.first ?? error;
  });
  if (failure.first !== undefined) throw failure.first;
  return result;
}

const isMemory = (error: GPUError): boolean => error.constructor.name === "GPUOutOfMemoryError";

function refusal(what: string, error: GPUError): string {
  return isMemory(error)
    ? `The GPU has too little memory for ${what}.`
    : `The GPU refused ${what}: ${firstLine(error.message)}`;
}

const firstLine = (message: string): string => message.split("\n", 1)[0] ?? "";
