/**
 * Bind groups have no `destroy`: what a driver holds for one it gives back when JavaScript's is collected, of which V8 sees a few bytes
 * and is in no hurry. Lavapipe maps memory for each, and ends where a process may have no more maps; so they are counted here.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** After so many a collection costs little beside what they were made for. */
const most = 4096;

let made = 0;
let collect: (() => void) | undefined;

/** `device.createBindGroup`, whose groups are gone soon after nobody has them any more. */
export function createBindGroup(device: GPUDevice, descriptor: GPUBindGroupDescriptor): GPUBindGroup {
  if (++made > most) {
    made = 0;
    collect ??= collector();
    collect();
  }
  return device.createBindGroup(descriptor);
}

function collector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}
