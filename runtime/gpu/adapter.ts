/**
 * Choosing an adapter: a real GPU, else the system's lavapipe, else SwiftShader. `LCOMP_ADAPTER` is a demand, never a
 * preference: where the adapter that it names is not to be had, opening fails.
 */
import { constants } from "node:os";
import { create } from "webgpu";
import webgpu from "webgpu/package.json" with { type: "json" };
import type { AdapterKind, DeviceFacts, SubgroupMatrix } from "../../compiler/plan/device-facts.ts";
import { UserError } from "../user-error.ts";
import { unpackSwiftShader } from "./swiftshader.ts";

/** The garbage collector must never take what `create()` returns, nor an adapter: Dawn then crashes the process. */
const kept: object[] = [];

/** The version of the package that brings Dawn, by which adapters get their code. */
export const dawnPackage: string = webgpu.version;

const demands = ["gpu", "lavapipe", "swiftshader"] as const;
export type Demand = (typeof demands)[number];

export interface AdapterInfo {
  readonly kind: AdapterKind;
  readonly name: string;
  readonly driver: string;
  readonly vendor: string;
  readonly architecture: string;
}

/** Whether the system has a Vulkan loader; other platforms have Metal or Direct3D and need none. */
export const hasLoader = process.platform !== "linux" || keepLibrary("libvulkan.so.1");

/** The environment's demand, if it makes one. */
export function demandedAdapter(): Demand | undefined {
  const value = process.env["LCOMP_ADAPTER"];
  if (value === undefined || value === "") return undefined;
  const demand = demands.find((name) => name === value);
  if (demand === undefined) throw new UserError(`LCOMP_ADAPTER is "${value}", but can only be ${demands.join(", ")}.`);
  return demand;
}

/** The adapter to use, or undefined where there is none. */
export async function findAdapter(demand: Demand | undefined, access?: Access): Promise<GPUAdapter | undefined> {
  if (demand === "swiftshader") return packagedAdapter(access);
  const adapter = await systemAdapter({ powerPreference: "high-performance" }, access);
  if (demand === undefined) return adapter ?? (await packagedAdapter(access));
  if (adapter !== undefined && adapterInfo(adapter).kind === demand) return adapter;
  if (demand === "gpu") return undefined;
  // Beside a GPU, lavapipe is the fallback.
  const fallback = await systemAdapter({ forceFallbackAdapter: true }, access);
  return fallback !== undefined && adapterInfo(fallback).kind === demand ? fallback : undefined;
}

/** All adapters that could be chosen, the one that would be first of its kind first. */
export async function listAdapters(): Promise<readonly GPUAdapter[]> {
  const found = [
    await systemAdapter({ powerPreference: "high-performance" }),
    await systemAdapter({ powerPreference: "low-power" }),
    await systemAdapter({ forceFallbackAdapter: true }),
    await packagedAdapter(),
  ];
  const named = found
    .filter((adapter) => adapter !== undefined)
    .map((adapter) => [describeAdapter(adapterInfo(adapter)), adapter] as const);
  return [...new Map(named.toReversed()).values()].toReversed();
}

/** An adapter that runs nothing but compiles every shader, with each feature that Dawn knows. */
export async function nullAdapter(): Promise<GPUAdapter> {
  const adapter = await requestAdapter({}, "bounded", "backend=null");
  if (adapter === undefined) throw new UserError("Dawn offers no null backend on this machine.");
  return adapter;
}

/** The first adapter of the system's own drivers. */
async function systemAdapter(options: GPURequestAdapterOptions, access?: Access): Promise<GPUAdapter | undefined> {
  return hasLoader ? requestAdapter(options, access) : undefined;
}

async function packagedAdapter(access?: Access): Promise<GPUAdapter | undefined> {
  const swiftshader = unpackSwiftShader();
  if (swiftshader === undefined) return undefined;
  if (!hasLoader) keepLibrary(swiftshader.loader);
  // The loader reads its variables when Dawn makes the instance, not later: children must not inherit them.
  const variables = { VK_DRIVER_FILES: swiftshader.manifest, VK_ICD_FILENAMES: swiftshader.manifest };
  return withEnvironment(variables, () => requestAdapter({ forceFallbackAdapter: true }, access));
}

/**
 * How kernels reach memory. `robust` tests every index once more, at up to 40 % of a product's time: for kernels that come from a
 * file. Those of the compiler bound each index that is computed from data.
 */
export type Access = "bounded" | "robust";

async function requestAdapter(
  options: GPURequestAdapterOptions,
  access: Access = "bounded",
  ...flags: string[]
): Promise<GPUAdapter | undefined> {
  const toggles = ["allow_unsafe_apis", ...(access === "robust" ? [] : ["disable_robustness"])]; // unsafe: subgroup matrices
  const gpu = create([...flags, `enable-dawn-features=${toggles.join(",")}`]);
  kept.push(gpu);
  const adapter = await gpu.requestAdapter(options);
  if (adapter === null) return undefined;
  kept.push(adapter);
  return adapter;
}

async function withEnvironment<T>(variables: Readonly<Record<string, string>>, work: () => Promise<T>): Promise<T> {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  try {
    return await work();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

/**
 * Loads a shared library into the process for good, so that Dawn's later request for the same name is met by it, wherever
 * it lies. Node's dlopen always ends by complaining that the library is no addon; RTLD_NODELETE lets it stay nevertheless.
 */
function keepLibrary(path: string): boolean {
  const nodelete = 0x1000;
  try {
    process.dlopen({ exports: {} }, path, constants.dlopen.RTLD_NOW | nodelete);
  } catch (error) {
    return error instanceof Error && error.message.startsWith("Module did not self-register");
  }
  return true;
}

export function adapterInfo(adapter: GPUAdapter): AdapterInfo {
  const { vendor, architecture, device, description } = adapter.info;
  return { kind: kindOf(adapter.info), name: device, driver: description, vendor, architecture };
}

/** "lavapipe: llvmpipe-llvm-19-1-7-256-bits, Mesa 26.1.6": how an adapter is named to people. */
export function describeAdapter({ kind, name, driver, vendor }: AdapterInfo): string {
  return `${kind}: ${[vendor, name, driver].filter((part) => part !== "").join(", ")}`;
}

function kindOf({ vendor, architecture, device, isFallbackAdapter }: GPUAdapterInfo): AdapterKind {
  if (device === "null-backend") return "null";
  if (architecture === "swiftshader") return "swiftshader";
  if (vendor === "mesa" && device.startsWith("llvmpipe")) return "lavapipe";
  return isFallbackAdapter ? "software" : "gpu";
}

/** Dawn's experimental form of the feature; its name is in no standard yet. */
export const subgroupMatrixFeature = "chromium-experimental-subgroup-matrix";

interface SubgroupMatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

function subgroupMatrices(info: GPUAdapterInfo): readonly SubgroupMatrix[] {
  const { subgroupMatrixConfigs } = info as GPUAdapterInfo & { subgroupMatrixConfigs: readonly SubgroupMatrixConfig[] };
  return Array.from(subgroupMatrixConfigs, ({ componentType, resultComponentType, M, N, K }) => {
    return { component: componentType, result: resultComponentType, M, N, K };
  });
}

/** What the compiler needs to know, when the device is opened with all that the adapter offers. */
export function deviceFacts(adapter: GPUAdapter): DeviceFacts {
  const { info, limits, features } = adapter;
  return {
    kind: kindOf(info),
    software: info.isFallbackAdapter,
    hasF16: features.has("shader-f16"),
    hasSubgroups: features.has("subgroups"),
    subgroupMinSize: info.subgroupMinSize ?? 0,
    subgroupMaxSize: info.subgroupMaxSize ?? 0,
    subgroupMatrices: features.has(subgroupMatrixFeature) ? subgroupMatrices(info) : [],
    maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
    maxBufferSize: limits.maxBufferSize,
    maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
    maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
    maxComputeWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
  };
}
