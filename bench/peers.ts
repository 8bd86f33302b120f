/** The peers' packages: installed on first use, outside of what the tests read, and given the device that lcomp runs on. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { globals } from "webgpu";
import type { Device } from "../runtime/gpu/device.ts";
import { UserError } from "../runtime/user-error.ts";

const own = import.meta.dirname;

/** Where packages and copies lie. */
export const cache = join(own, "..", ".cache", "bench");

/** Installs what bench/package-lock.json says, unless it is there. */
export function installPeers(): void {
  const lock = join(cache, "package-lock.json");
  const isThere = existsSync(join(cache, "node_modules")) && existsSync(lock);
  if (isThere && readFileSync(lock, "utf8") === readFileSync(join(own, "package-lock.json"), "utf8")) return;
  console.error("Installing the peers into .cache/bench …");
  mkdirSync(cache, { recursive: true });
  for (const file of ["package.json", "package-lock.json"]) copyFileSync(join(own, file), join(cache, file));
  const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const { status, error, stdout, stderr } = spawnSync("npm", args, { cwd: cache, encoding: "utf8" });
  if (status !== 0) throw new UserError(`The peers cannot be installed: ${error?.message ?? `${stdout}${stderr}`}`);
}

/** A package of the cache. */
export async function peerPackage<T>(name: string, file?: string): Promise<T> {
  const path =
    file === undefined
      ? createRequire(join(cache, "package.json")).resolve(name)
      : join(cache, "node_modules", name, file);
  return (await import(pathToFileURL(path).href)) as T;
}

/**
 * Peers ask `navigator.gpu` for an adapter and that for a device: they get this one, so that all run on one adapter with the
 * same toggles, limits and features.
 */
export function offerDevice({ device }: Device): void {
  const { features, limits, adapterInfo: info } = device;
  const adapter = { features, limits, info, requestDevice: async () => device };
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, "navigator", {
    configurable: true,
    value: { userAgent: "node", platform: process.platform, gpu: { requestAdapter: async () => adapter } },
  });
}
