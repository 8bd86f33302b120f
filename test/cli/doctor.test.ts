import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { DeviceFacts } from "../../compiler/plan/device-facts.ts";
import { loadMachine } from "../../compiler/plan/load-machine.ts";
import { type Report, showReport } from "../../runtime/cli/doctor.ts";
import { suite } from "../harness/suite.ts";
import { inFolder } from "../io/folder.ts";
import { root } from "../repository/sources.ts";
import { type Ended, lcomp, main } from "./lcomp.ts";

const doctor = (json: boolean, variables: NodeJS.ProcessEnv = {}): Ended =>
  lcomp(root, ["doctor", ...(json ? ["--json"] : [])], { entry: main, variables });

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

  test(
    "without the optional package of SwiftShader it says what to install",
    inFolder(async (folder) => {
      for (const name of ["grammar", "compiler", "runtime", "stdlib", "package.json"])
        cpSync(join(root, name), join(folder, name), { recursive: true });
      mkdirSync(join(folder, "node_modules"));
      for (const name of readdirSync(join(root, "node_modules")).filter((name) => name !== "@sparticuz"))
        symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
      const copy = join(folder, "runtime/cli/main.ts");
      const { stdout, stderr } = lcomp(folder, ["doctor", "--json"], { entry: copy });
      assert.not.match(stderr, /bug in lcomp/);
      const { adapters, missing } = JSON.parse(stdout) as Report;
      assert.ok(adapters.every(({ kind }) => kind !== "swiftshader"));
      const isLinux = process.platform === "linux" && !adapters.some(({ kind }) => kind === "gpu");
      assert.is(
        missing.some(({ remedy }) => remedy.startsWith("npm install @sparticuz/chromium")),
        isLinux,
      );
    }),
  );

  test(
    "what it prints elsewhere is planned for, without an adapter here; what is no report is refused by its place",
    inFolder(async (folder) => {
      const report = JSON.parse(doctor(true).stdout) as Report;
      const noAdapter = { LCOMP_ADAPTER: "lavapipe", VK_DRIVER_FILES: "/nowhere", VK_ICD_FILENAMES: "/nowhere" };
      const planned = (device: object): Ended => {
        writeFileSync(join(folder, "facts.json"), JSON.stringify(device));
        const text = join(root, "examples/world/test.jsonl");
        const args = [
          "--model",
          join(root, "examples/tiny"),
          "--text",
          text,
          "--device",
          "facts.json",
          "--output",
          "p",
        ];
        return lcomp(folder, ["plan", join(root, "examples/first.lcomp"), ...args], {
          entry: main,
          variables: noAdapter,
        });
      };
      const withFacts = (facts: object): object => ({
        ...report,
        adapters: report.adapters.map((each) => ({ ...each, facts: { ...each.facts, ...facts } })),
      });
      assert.is(planned(withFacts({ maxStorageBufferBindingSize: 2 ** 30 })).status, 0);
      const plan = JSON.parse(readFileSync(join(folder, "p"), "utf8")) as { readonly device: DeviceFacts };
      assert.is(plan.device.maxStorageBufferBindingSize, 2 ** 30);
      const refused: readonly (readonly [report: object, why: string])[] = [
        [[], "its top level must be object"],
        [{ ...report, adapters: [] }, "none of its adapters is one that lcomp would use"],
        [{ ...report, memory: "much" }, "memory must be float64"],
        [withFacts({ hasF16: undefined }), "adapters.0.facts must have property 'hasF16'"],
        [withFacts({ maxBufferSize: 77 }), "its maxBufferSize is 77, and no device has less than 268435456"],
      ];
      for (const [device, why] of refused) assert.throws(() => loadMachine(JSON.parse(JSON.stringify(device))), why);
      const { status, stderr } = planned([]);
      assert.is(status, 1);
      assert.match(
        stderr,
        /lcomp: facts\.json says nothing of a device: its top level must be object; lcomp doctor --json/,
      );
    }),
  );

  test("its report fits 80 columns, and 40", () => {
    const { stdout } = doctor(true);
    const report = JSON.parse(stdout) as Report;
    for (const width of [80, 40])
      for (const line of showReport(report, width).split("\n"))
        assert.ok(line.length <= width || !line.trim().includes(" "), line);
  });
});
