/** TensorFlow.js on WebGPU: one or several kernels per operation, nothing fused. */
import type { Device } from "../runtime/gpu/device.ts";
import type { Contestant } from "./contestant.ts";
import type { Line } from "./line.ts";
import { peerPackage } from "./peers.ts";

/** What the benchmark uses of a tensor of theirs. */
export interface Tensor {
  readonly data: () => Promise<Float32Array>;
  readonly dispose: () => void;
}

type Operand = Tensor | number;

/** What the benchmark uses of their package. */
export interface Tfjs {
  readonly tensor: (values: Float32Array, shape: readonly number[]) => Tensor;
  readonly tidy: (make: () => Tensor) => Tensor;
  readonly matMul: (a: Tensor, b: Tensor, transposeA?: boolean, transposeB?: boolean) => Tensor;
  readonly add: (a: Operand, b: Operand) => Tensor;
  readonly sub: (a: Operand, b: Operand) => Tensor;
  readonly mul: (a: Operand, b: Operand) => Tensor;
  readonly maximum: (a: Operand, b: Operand) => Tensor;
  readonly mean: (x: Tensor, axis: number, keepDims: boolean) => Tensor;
  readonly softmax: (x: Tensor) => Tensor;
  readonly reshape: (x: Tensor, shape: readonly number[]) => Tensor;
  readonly transpose: (x: Tensor, axes: readonly number[]) => Tensor;
  readonly slice: (x: Tensor, begin: readonly number[], size: readonly number[]) => Tensor;
  readonly concat: (xs: readonly Tensor[], axis: number) => Tensor;
  readonly exp: (x: Tensor) => Tensor;
  readonly tanh: (x: Tensor) => Tensor;
  readonly sqrt: (x: Tensor) => Tensor;
  readonly rsqrt: (x: Tensor) => Tensor;
  readonly log: (x: Tensor) => Tensor;
  readonly square: (x: Tensor) => Tensor;
  readonly sigmoid: (x: Tensor) => Tensor;
}

interface Backend {
  readonly endComputePassEncoder: () => void;
  readonly submitQueue: () => void;
  readonly commandEncoder: unknown;
}

interface Engine extends Tfjs {
  readonly removeBackend: (name: string) => void;
  readonly registerBackend: (name: string, make: () => unknown) => boolean;
  readonly setBackend: (name: string) => Promise<boolean>;
  readonly ready: () => Promise<void>;
  readonly backend: () => Backend;
}

interface BackendPackage {
  readonly WebGPUBackend: new (device: GPUDevice, info: GPUAdapterInfo) => unknown;
}

/** The package on the device. */
export async function openTfjs({ device, queue }: Device): Promise<(line: Line) => Contestant | undefined> {
  const tf = await peerPackage<Engine>("@tensorflow/tfjs-core");
  const { WebGPUBackend } = await peerPackage<BackendPackage>("@tensorflow/tfjs-backend-webgpu");
  tf.removeBackend("webgpu");
  tf.registerBackend("webgpu", () => new WebGPUBackend(device, device.adapterInfo));
  await tf.setBackend("webgpu");
  await tf.ready();
  const finish = async (): Promise<void> => {
    const backend = tf.backend();
    backend.endComputePassEncoder();
    if (backend.commandEncoder) backend.submitQueue();
    await queue.onSubmittedWorkDone();
  };
  return ({ tfjs }) => {
    if (tfjs === undefined) return undefined;
    const entries = Object.entries(tfjs.given);
    const given = Object.fromEntries(entries.map(([name, { shape, values }]) => [name, tf.tensor(values, shape)]));
    const compute = (): Tensor => tf.tidy(() => tfjs.compute(tf, given));
    return {
      name: "tfjs",
      run: async (times) => {
        for (let i = 0; i < times; i++) compute().dispose();
        await finish();
      },
      result: async () => {
        const result = compute();
        const values = Float32Array.from(await result.data());
        result.dispose();
        return values;
      },
      close: () => {
        for (const tensor of Object.values(given)) tensor.dispose();
      },
    };
  };
}
