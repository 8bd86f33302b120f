/** WGSL checked by Tint on Dawn's null backend: no GPU is needed, and every feature is there. */
import { type Device, openDevice } from "../../runtime/gpu/device.ts";

interface WgslMessage {
  readonly type: GPUCompilationMessageType;
  readonly message: string;
  readonly line: number;
  readonly column: number;
}

let device: Promise<Device> | undefined;

/** What Tint says about a shader; a valid one has no message of type "error". */
export async function validateWgsl(code: string): Promise<readonly WgslMessage[]> {
  device ??= openDevice({ adapter: "null" });
  const { device: gpu } = await device;
  gpu.pushErrorScope("validation");
  const info = gpu.createShaderModule({ code }).getCompilationInfo();
  gpu.popErrorScope();
  const { messages } = await info;
  return messages.map(({ type, message, lineNum, linePos }) => ({ type, message, line: lineNum, column: linePos }));
}
