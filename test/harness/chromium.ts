/** Headless Chromium on a page: that of the package `@sparticuz/chromium`, with the libraries that it needs, or the machine's. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { findSwiftShader, untar } from "../../runtime/gpu/swiftshader.ts";

/** The folder with the packed browser, or the path of an executable; undefined where there is neither. */
export function findChromium(): { readonly packed: string } | { readonly path: string } | undefined {
  const packed = findSwiftShader()?.archive;
  if (packed !== undefined) return { packed: dirname(packed) };
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const path = ["chromium", "chromium-browser", "google-chrome"]
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((each) => existsSync(each));
  return path === undefined ? undefined : { path };
}

/** Opens a page and keeps it open until `done` is settled; rejects if the browser ends before that. */
export async function whileOpen<T>(url: string, done: Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "lcomp-chromium-"));
  try {
    const { path, libraries } = unpacked(folder);
    const flags = ["--headless", "--no-sandbox", "--no-zygote", "--disable-gpu", "--disable-dev-shm-usage"];
    const child = spawn(path, [...flags, `--user-data-dir=${join(folder, "profile")}`, url], {
      env: { ...process.env, LD_LIBRARY_PATH: libraries },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said += chunk));
    const ended = new Promise<never>((_, reject) => {
      child.once("error", reject);
      child.once("exit", (status, signal) => reject(new Error(`Chromium ended: ${status ?? signal}\n${said}`)));
    });
    try {
      return await Promise.race([done, ended]);
    } finally {
      child.kill("SIGKILL");
      await ended.catch(() => undefined);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The executable and where it finds its libraries. */
function unpacked(folder: string): { readonly path: string; readonly libraries: string | undefined } {
  const found = findChromium();
  if (found === undefined) throw new Error("there is no Chromium");
  if ("path" in found) return { path: found.path, libraries: process.env["LD_LIBRARY_PATH"] };
  const read = (name: string): Buffer => brotliDecompressSync(readFileSync(join(found.packed, name)));
  const path = join(folder, "chromium");
  writeFileSync(path, read("chromium.br"), { mode: 0o755 });
  mkdirSync(join(folder, "lib"));
  for (const { name, bytes } of untar(read("al2023.tar.br"))) writeFileSync(join(folder, name), bytes);
  return { path, libraries: join(folder, "lib") };
}
