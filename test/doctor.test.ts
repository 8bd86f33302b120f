import { spawnSync } from "node:child_process";
import * as assert from "uvu/assert";
import type { Report } from "../runtime/cli/doctor.ts";
import { suite } from "./harness.ts";
import { root } from "./sources.ts";

function doctor(json: boolean, variables: NodeJS.ProcessEnv = {}): { status: number | null; stdout: string } {
  const args = ["runtime/cli/main.ts", "doctor", ...(json ? ["--json"] : [])];
  const options = { cwd: root, encoding: "utf8", env: { ...process.env, ...variables } } as const;
  const { status, stdout } = spawnSync(process.execPath, args, options);
  return { status, stdout };
}

suite("doctor", ({ test }) => {
  test(
    "names the adapter that lcomp uses, with its facts",
    () => {
      const { status, stdout } = doctor(true);
      assert.is(status, 0);
      const used = (JSON.parse(stdout) as Report).adapters.filter(({ isUsed }) => isUsed);
      assert.is(used.length, 1);
      assert.is(used[0]?.kind, process.env["LCOMP_ADAPTER"] || used[0]?.kind);
      assert.ok((used[0]?.facts.maxStorageBufferBindingSize ?? 0) >= 2 ** 27);
    },
    "swiftshader",
  );

  test("shows people the same", () => {
    const { status, stdout } = doctor(false);
    assert.is(status, 0);
    assert.match(stdout, /^node v\d.*\n[\s\S]*Adapters\n[\s\S]*→ \w+ [\s\S]*binding \d+ MiB/);
  });

  test("where the demanded adapter is not here, the status is 1 and the remedy is named", () => {
    // Neither a driver nor the package's own is found with a manifest that names nothing.
    const { status, stdout } = doctor(true, {
      LCOMP_ADAPTER: "lavapipe",
      VK_DRIVER_FILES: "/nowhere",
      VK_ICD_FILENAMES: "/nowhere",
    });
    assert.is(status, 1);
    const { adapters, missing } = JSON.parse(stdout) as Report;
    assert.ok(adapters.every(({ isUsed }) => !isUsed));
    assert.ok(missing.some(({ what }) => what.startsWith("lavapipe")));
  });
});
