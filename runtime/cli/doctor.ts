/** `lcomp doctor`: which adapters there are, which one lcomp would use, and how to get what is missing. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { showBytes } from "../../compiler/plan/bytes.ts";
import type { DeviceFacts } from "../../compiler/plan/device-facts.ts";
import {
  type AdapterInfo,
  adapterInfo,
  demandedAdapter,
  deviceFacts,
  findAdapter,
  hasLoader,
  listAdapters,
} from "../gpu/adapter.ts";
import { findSwiftShader } from "../gpu/swiftshader.ts";
import { type Command, declare, flag } from "./flags.ts";
import { lines, printResult, wrapped } from "./terminal.ts";

export interface Missing {
  readonly what: string;
  readonly remedy: string;
}

export interface Report {
  readonly node: string;
  readonly platform: string;
  /** Bytes that the machine has, or may use. */
  readonly memory: number;
  /** The environment's LCOMP_ADAPTER, null where it makes no demand. */
  readonly demand: string | null;
  readonly adapters: readonly (AdapterInfo & { readonly isUsed: boolean; readonly facts: DeviceFacts })[];
  readonly missing: readonly Missing[];
}

/** The command; the status is 1 where there is no adapter that lcomp would use. */
export const doctorCommand: Command = {
  builder: (yargs) => declare(yargs, { json: flag("print the report as JSON") }),
  handler: async (flags) => {
    const report = await examine();
    printResult(flags, report, (width) => showReport(report, width));
    if (!report.adapters.some(({ isUsed }) => isUsed)) process.exitCode = 1;
  },
};

async function examine(): Promise<Report> {
  const demand = demandedAdapter();
  const used = await findAdapter(demand);
  const nameUsed = used === undefined ? undefined : adapterInfo(used).name;
  const adapters = (await listAdapters()).map((adapter) => {
    const info = adapterInfo(adapter);
    return { ...info, isUsed: info.name === nameUsed, facts: deviceFacts(adapter) };
  });
  const { version, platform, arch } = process;
  return {
    node: version,
    platform: `${platform} ${arch}`,
    memory: hostMemory(),
    demand: demand ?? null,
    adapters,
    missing: missing(adapters),
  };
}

/** Bytes of this machine's memory, or of the share that this process may use. */
const hostMemory = (): number => Math.min(totalmem(), process.constrainedMemory() || totalmem());

/** What would give this machine a better adapter. */
function missing(adapters: readonly AdapterInfo[]): readonly Missing[] {
  const has = (kind: AdapterInfo["kind"]): boolean => adapters.some((adapter) => adapter.kind === kind);
  if (process.platform !== "linux" || has("gpu")) return [];
  const list: Missing[] = [];
  if (!hasLoader) list.push({ what: "the Vulkan loader (libvulkan.so.1)", remedy: installLine("loader") });
  list.push({ what: "a GPU with a Vulkan driver", remedy: gpuRemedy() });
  if (!has("lavapipe")) {
    list.push({ what: "lavapipe, the fast software adapter (Mesa 24 or later)", remedy: installLine("lavapipe") });
  }
  if (findSwiftShader() === undefined) {
    list.push({
      what: "SwiftShader, the software adapter of last resort",
      remedy: "npm install @sparticuz/chromium (x86-64 only)",
    });
  }
  return list;
}

function gpuRemedy(): string {
  const isNvidia = existsSync("/dev/nvidiactl");
  if (isNvidia && existsSync("/.dockerenv")) return "start the container with NVIDIA_DRIVER_CAPABILITIES=all";
  if (isNvidia) return "install NVIDIA's Vulkan driver, which comes with its OpenGL libraries";
  if (!existsSync("/dev/dri")) return "none is visible here (no /dev/dri); if there is one, load its kernel driver";
  const nodes = readdirSync("/dev/dri").filter((name) => name.startsWith("renderD"));
  return nodes.length === 0
    ? "none can render here (no /dev/dri/renderD*)"
    : `${installLine("gpu")}; and join the group that owns /dev/dri/${nodes[0]}`;
}

const packages = {
  debian: { command: "apt install", loader: "libvulkan1", gpu: "mesa-vulkan-drivers", lavapipe: "mesa-vulkan-drivers" },
  fedora: {
    command: "dnf install",
    loader: "vulkan-loader",
    gpu: "mesa-vulkan-drivers",
    lavapipe: "mesa-vulkan-drivers",
  },
  arch: {
    command: "pacman -S",
    loader: "vulkan-icd-loader",
    gpu: "vulkan-radeon (or vulkan-intel, nvidia-utils)",
    lavapipe: "vulkan-swrast",
  },
} as const;

/** How this distribution installs it; all three ways where it is none of them. */
function installLine(what: "loader" | "gpu" | "lavapipe"): string {
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  const ids = release.match(/^ID(_LIKE)?=.*$/gm)?.join(" ") ?? "";
  const known = Object.entries(packages).filter(([id]) => ids.includes(id));
  const commands = (known.length > 0 ? known : Object.entries(packages)).map(
    ([, names]) => `${names.command} ${names[what]}`,
  );
  const isOld = what === "lavapipe" && /^VERSION_ID="?12"?$/m.test(release) && ids.includes("debian");
  return isOld ? `${commands[0]} from bookworm-backports (Debian 12's own is too old)` : commands.join(" | ");
}

/** The report for people, in lines of that width. */
export function showReport(
  { node, platform, memory, demand, adapters, missing: lacking }: Report,
  width: number,
): string {
  const shown = [`node ${node} on ${platform}, ${showBytes(memory)} of memory`];
  if (demand !== null) shown.push(`LCOMP_ADAPTER demands ${demand}`);
  shown.push("", "Adapters");
  if (adapters.length === 0) shown.push("  none");
  for (const adapter of adapters) shown.push(...showAdapter(adapter));
  if (!adapters.some(({ isUsed }) => isUsed)) shown.push("", "lcomp cannot run models on this machine yet.");
  if (lacking.length > 0) shown.push("", "Not here, and how to get it");
  for (const { what, remedy } of lacking) shown.push(`  ${what}`, `      ${remedy}`);
  return lines(...shown.flatMap((line) => wrapped(line, width, " ".repeat(8))));
}

function showAdapter({ isUsed, kind, name, driver, facts }: Report["adapters"][number]): readonly string[] {
  const matrices = facts.subgroupMatrices.map(
    ({ component, result, M, N, K }) => `${component}→${result} ${M}×${N}×${K}`,
  );
  return [
    `  ${isUsed ? "→" : " "} ${kind}  ${name}  ${driver}`,
    `      16-bit floats ${facts.hasF16 ? "yes" : "no"}, subgroups ${facts.hasSubgroups ? sizes(facts) : "no"}, ` +
      `subgroup matrices ${matrices.join(", ") || "no"}`,
    `      binding ${showBytes(facts.maxStorageBufferBindingSize)}, buffer ${showBytes(facts.maxBufferSize)}, ` +
      `${facts.maxStorageBuffersPerShaderStage} bindings a kernel`,
    `      workgroup ${facts.maxComputeInvocationsPerWorkgroup} invocations, ${facts.maxComputeWorkgroupStorageSize / 1024} KiB`,
  ];
}

function sizes({ subgroupMinSize: least, subgroupMaxSize: most }: DeviceFacts): string {
  return least === most ? `of ${least}` : `of ${least} to ${most}`;
}
