import { execFileSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import * as assert from "uvu/assert";
import { loadPlan } from "../../compiler/plan/load-plan.ts";
import { openCheckpoint } from "../../runtime/io/checkpoint.ts";
import { facts } from "../fuse/sketch.ts";
import { library } from "../given/library.ts";
import { findChromium, whileOpen } from "../harness/chromium.ts";
import { suite, testUnless } from "../harness/suite.ts";
import { root } from "../repository/sources.ts";
import { type Answer, answer, type Question } from "./browser-answer.ts";

/** grammar/ and compiler/ as JavaScript, by URL; nothing of Node is known while they are translated, not even its globals. */
function translated(): ReadonlyMap<string, string> {
  const folder = mkdtempSync(join(tmpdir(), "lcomp-browser-"));
  try {
    const project = {
      extends: join(root, "tsconfig.json"),
      compilerOptions: {
        noEmit: false,
        outDir: folder,
        rootDir: root,
        rewriteRelativeImportExtensions: true,
        lib: ["ES2024", "ESNext.Iterator", "WebWorker"],
        types: [],
      },
      include: ["grammar", "compiler", "test/compiler/browser-answer.ts"].map((path) => join(root, path)),
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(project));
    execFileSync(join(root, "node_modules/.bin/tsc"), ["--project", folder], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    const paths = globSync("**/*.js", { cwd: folder });
    return new Map(paths.map((path) => [`/${path}`, readFileSync(join(folder, path), "utf8")]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const page = `<!doctype html>
<script type="importmap">{ "imports": { "chevrotain": "/chevrotain.mjs" } }</script>
<script type="module">
  const tell = (path, body) => fetch(path, { method: "POST", body });
  try {
    const { answer } = await import("/test/compiler/browser-answer.js");
    const question = await (await fetch("/question")).json();
    await tell("/answer", JSON.stringify(answer(question)));
  } catch (error) {
    await tell("/failure", String(error.stack));
  }
</script>`;

const typeOf = (url: string): string =>
  /js$/.test(url) ? "text/javascript" : url === "/" ? "text/html" : "text/plain";

/** What a browser answers. */
async function answerInBrowser(question: Question): Promise<Answer> {
  const files = new Map([
    ["/", page],
    ["/question", JSON.stringify(question)],
    ["/chevrotain.mjs", readFileSync(join(root, "node_modules/chevrotain/lib/chevrotain.mjs"), "utf8")],
    ...translated(),
  ]);
  const server = createServer();
  const answered = new Promise<Answer>((resolve, reject) => {
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      const { url = "", method } = request;
      const file = files.get(url);
      if (file !== undefined) response.setHeader("Content-Type", typeOf(url)).end(file);
      else if (method === "GET") response.writeHead(404).end();
      else if (url === "/answer") text(request).then((body) => resolve(JSON.parse(body) as Answer), reject);
      else text(request).then((body) => reject(new Error(body)), reject);
    });
  });
  try {
    return await whileOpen(await urlOf(server), answered);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const urlOf = (server: Server): Promise<string> =>
  new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`));
  });

async function questionOf(recipe: string): Promise<Question> {
  const { config, tensors } = await openCheckpoint(join(root, "examples/tiny"));
  const source = readFileSync(join(root, recipe), "utf8");
  const texts = library.library.map((name) => [name, library.read(name)?.text ?? ""] as const);
  return {
    modules: {
      ...Object.fromEntries(texts),
      [recipe]: source,
      "wrong.lcomp": source.replace("sparse, text", "spare, text"),
    },
    checked: "wrong.lcomp",
    planned: recipe,
    model: { name: "examples/tiny", config, tensors: [...tensors] },
    tokens: 100_000,
    device: facts,
  };
}

suite("compiler: browser", (here) => {
  const test = testUnless(findChromium() === undefined ? "there is no Chromium" : null, here);

  test("the compiler finds the same problems and makes the same plan, byte for byte, as in Node", async () => {
    const question = await questionOf("examples/first.lcomp");
    const [expected, actual] = [answer(question), await answerInBrowser(question)];
    assert.match(expected.problems.join(), /`spare`/);
    assert.ok(loadPlan(expected.plan, "the plan").kernels.length > 10);
    assert.equal(actual.problems, expected.problems);
    assert.is(actual.plan, expected.plan);
  });
});
