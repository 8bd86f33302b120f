import { cpSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
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

  test("its report fits 80 columns, and 40", () => {
    const { stdout } = doctor(true);
    const report = JSON.parse(stdout) as Report;
    for (const width of [80, 40])
      for (const line of showReport(report, width).split("\n"))
        assert.ok(line.length <= width || !line.trim().includes(" "), line);
  });
});
