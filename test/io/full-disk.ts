// Loaded before a program: what it writes through file handles beyond DISK_MEGABYTES finds the disk full.
import { type FileHandle, open } from "node:fs/promises";

let left = Number(process.env["DISK_MEGABYTES"]) * 2 ** 20;
const file = await open(import.meta.filename);
const handles = Object.getPrototypeOf(file) as { write: (...args: unknown[]) => Promise<unknown> };
const { write } = handles;
handles.write = function (this: FileHandle, ...args: unknown[]) {
  left -= (args[0] as Uint8Array).byteLength;
  if (left >= 0) return write.apply(this, args);
  const full = { code: "ENOSPC", errno: -28, syscall: "write" };
  return Promise.reject(Object.assign(new Error("ENOSPC: no space left on device, write"), full));
};
await file.close();
