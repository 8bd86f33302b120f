/** The ways into GPU memory. */
import { pieceBytes } from "../../compiler/plan/slots.ts";
import type { Device } from "./device.ts";

export interface Transfer {
  /**
   * Writes `data` (a multiple of 4 bytes) at the byte `offset`, before everything that is submitted later. Whoever writes much should
   * wait: `writeBuffer` keeps copies until they are on the GPU.
   */
  readonly upload: (buffer: GPUBuffer, data: ArrayBufferView<ArrayBuffer>, offset?: number) => Promise<void>;
  /** Zeros from the beginning to the end. */
  readonly clear: (buffer: GPUBuffer) => void;
}

/** Bytes of copies that may wait to be on the GPU. */
const pendingLimit = pieceBytes;

/** Transfers on an open device. Never by mappedAtCreation, which is a tenth as fast. */
export function transfer({ device, queue, settle }: Device): Transfer {
  let pending = 0;
  return {
    upload: async (buffer, data, offset = 0) => {
      let isMuch = false;
      for (let start = 0; start < data.byteLength; start += pendingLimit) {
        const bytes = Math.min(pendingLimit, data.byteLength - start);
        queue.writeBuffer(buffer, offset + start, data.buffer, data.byteOffset + start, bytes);
        pending += bytes;
        if (pending < pendingLimit) continue;
        pending = 0;
        queue.submit([]);
        isMuch = true;
      }
      if (isMuch) await settle(queue.onSubmittedWorkDone());
    },
    clear: (buffer) => {
      const encoder = device.createCommandEncoder();
      encoder.clearBuffer(buffer);
      queue.submit([encoder.finish()]);
    },
  };
}
