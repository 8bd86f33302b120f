/** A plan held against Tint and against the limits of its device. */
import * as assert from "uvu/assert";
import type { DeviceFacts } from "../../compiler/plan/device-facts.ts";
import type { Plan } from "../../compiler/plan/plan.ts";
import { validateWgsl } from "../kernel/validate-wgsl.ts";

const seen = new Set<string>();

/** Fails on what Tint refuses, on bindings, workgroups and buffers beyond what the device has; a kernel seen before is not asked about. */
export async function validatePlan(
  { kernels, programs }: Pick<Plan, "kernels" | "programs">,
  device: DeviceFacts,
): Promise<void> {
  for (const { hash, wgsl } of kernels) {
    if (seen.has(hash)) continue;
    seen.add(hash);
    assert.equal(await validateWgsl(wgsl), [], wgsl);
  }
  for (const { bytes } of programs.flatMap(({ buffers }) => buffers))
    assert.ok(bytes <= device.maxBufferSize, `a buffer of ${bytes} bytes`);
  for (const { bindings, workgroups } of programs.flatMap(({ setup, main }) => [...setup, ...main])) {
    assert.ok(bindings.length <= device.maxStorageBuffersPerShaderStage, `${bindings.length} bindings`);
    assert.ok(Math.max(...workgroups) <= device.maxComputeWorkgroupsPerDimension, workgroups.join("x"));
    for (const { bytes } of bindings) assert.ok(bytes <= device.maxStorageBufferBindingSize, `${bytes} bytes bound`);
  }
}
