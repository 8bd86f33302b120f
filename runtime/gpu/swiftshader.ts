/**
 * SwiftShader, the software Vulkan driver inside the npm package `@sparticuz/chromium`, and the Vulkan loader beside it.
 * Both are unpacked once into the user's cache; an unpacked folder appears whole or not at all.
 */
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { findPackageJSON } from "node:module";
import { homedir, tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { makeBeside } from "../io/unfinished.ts";
import { UserError } from "../user-error.ts";

export interface SwiftShader {
  readonly version: string;
  /** The driver's manifest, for VK_DRIVER_FILES. */
  readonly manifest: string;
  /** A libvulkan.so.1 for systems that have none. */
  readonly loader: string;
}

const driver = "libvk_swiftshader.so";
const manifest = "vk_swiftshader_icd.json";
const loader = "libvulkan.so.1";

/** Where the package lies and its version, or undefined where it is not installed or not made for this machine. */
export function findSwiftShader(): { readonly archive: string; readonly version: string } | undefined {
  if (process.platform !== "linux" || process.arch !== "x64") return undefined;
  const description = packageDescription();
  if (description === undefined) return undefined;
  const archive = join(dirname(description), "bin", "swiftshader.tar.br");
  if (!existsSync(archive)) return undefined;
  const { version } = JSON.parse(readFileSync(description, "utf8")) as { version: string };
  return { archive, version };
}

/** The package is optional. */
function packageDescription(): string | undefined {
  try {
    return findPackageJSON("@sparticuz/chromium", import.meta.url);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

/** Unpacks the driver if that has not been done, and says where it lies. */
export function unpackSwiftShader(): SwiftShader | undefined {
  const found = findSwiftShader();
  if (found === undefined) return undefined;
  const folder = join(cacheFolder(), `swiftshader-${found.version}`);
  if (!existsSync(folder)) unpack(found.archive, folder);
  return { version: found.version, manifest: join(folder, manifest), loader: join(folder, loader) };
}

function unpack(archive: string, folder: string): void {
  const partial = makeBeside(folder);
  try {
    for (const { name, bytes } of untar(brotliDecompressSync(readFileSync(archive)))) {
      if ([driver, manifest, loader].includes(name)) writeFileSync(join(partial, name), bytes, { mode: 0o755 });
    }
    renameSync(partial, folder);
  } catch (cause) {
    rmSync(partial, { recursive: true, force: true });
    // Another process may have unpacked it meanwhile: a folder is never renamed over one that has content.
    if (!existsSync(folder))
      throw new UserError(`SwiftShader could not be unpacked into ${dirname(folder)}.`, { cause });
  }
}

/** The regular files of a tar archive. */
export function* untar(tar: Uint8Array): Generator<{ name: string; bytes: Uint8Array }> {
  const text = (from: number, length: number): string =>
    Buffer.from(tar.subarray(from, from + length))
      .toString("latin1")
      .replace(/\0.*$/s, "");
  for (let offset = 0; offset + 512 <= tar.length && tar[offset] !== 0; ) {
    const size = Number.parseInt(text(offset + 124, 12), 8);
    const isFile = ["0", ""].includes(text(offset + 156, 1));
    if (isFile)
      yield { name: text(offset, 100).replace(/^\.\//, ""), bytes: tar.subarray(offset + 512, offset + 512 + size) };
    offset += 512 * (1 + Math.ceil(size / 512));
  }
}

/** lcomp's own cache folder; where the home cannot be written, one below the temporary folder that only this user owns. */
function cacheFolder(): string {
  const home = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "lcomp");
  if (isWritable(home)) return home;
  const { uid } = userInfo();
  const own = join(tmpdir(), `lcomp-${uid}`);
  mkdirSync(own, { recursive: true, mode: 0o700 });
  if (lstatSync(own).uid !== uid)
    throw new UserError(`${own} belongs to another user: set XDG_CACHE_HOME to a folder of yours.`);
  return own;
}

function isWritable(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
