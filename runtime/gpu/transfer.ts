/** The ways into GPU memory and out of it. */
import type { Create } from "./buffers.ts";
import { bufferUsage, type Device, mapMode } from "./device.ts";

export interface Transfer {
  /** Writes `data` (a multiple of 4 bytes) at the byte `offset`, before everything that is submitted later. */
  readonly upload: (buffer: GPUBuffer, data: ArrayBufferView<ArrayBuffer>, offset?: number) => void;
  /** Waits for what is submitted and copies `bytes` from the byte `offset` (a multiple of 4). */
  readonly read: (buffer: GPUBuffer, bytes: number, offset?: number) => Promise<ArrayBuffer>;
  /** Zeros from the beginning to the end. */
  readonly clear: (buffer: GPUBuffer) => void;
}

/** `writeBuffer` keeps a copy until the next submit: submit before that is much. */
const pendingLimit = 32 * 2 ** 20;

/** Transfers on an open device. Never by mappedAtCreation, which is a tenth as fast. */
export function transfer({ device, queue, settle }: Device, create: Create): Transfer {
  let pending = 0;
  return {
    upload: (buffer, data, offset = 0) => {
      for (let start = 0; start < data.byteLength; start += pendingLimit) {
        const bytes = Math.min(pendingLimit, data.byteLength - start);
        queue.writeBuffer(buffer, offset + start, data.buffer, data.byteOffset + start, bytes);
        pending += bytes;
        if (pending < pendingLimit) continue;
        pending = 0;
        queue.submit([]);
      }
    },
    read: async (buffer, bytes, offset = 0) => {
      const size = Math.ceil(bytes / 4) * 4;
      const usage = bufferUsage.MAP_READ | bufferUsage.COPY_DST;
      const staging = await create(size, usage, "a copy of the results");
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, offset, staging, 0, size);
      queue.submit([encoder.finish()]);
      pending = 0;
      try {
        await settle(staging.mapAsync(mapMode.READ));
        return staging.getMappedRange().slice(0, bytes);
      } finally {
        staging.destroy();
      }
    },
    clear: (buffer) => {
      const encoder = device.createCommandEncoder();
      encoder.clearBuffer(buffer);
      queue.submit([encoder.finish()]);
    },
  };
}
