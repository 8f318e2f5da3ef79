// The reporters of packages/proto/examples, which need nothing of this repository: what they report is stored as they count it.
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { v1 } from "@moescope/proto";
import { globSync } from "tinyglobby";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CollectorProcess, startCollectorProcess } from "./collector-process.ts";
import { readSummary } from "./sent-steps.ts";

const root = join(import.meta.dirname, "..");
const examples = join(root, "packages/proto/examples");
const run = promisify(execFile);

let directory: string;
let collector: CollectorProcess;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "moescope-examples-"));
  collector = await startCollectorProcess(join(directory, "data"));
});
afterAll(async () => {
  await collector.kill();
  rmSync(directory, { recursive: true });
});

const [LAYERS, EXPERTS, TOP_K, STEPS, TOKENS] = [[1, 3], 8, 2, 50, 64] as const;

/** As both examples make them up. */
function countsOf(step: number, layer: number, category: number): number[] {
  const counts = Array<number>(EXPERTS).fill(0);
  for (let token = 0; token < TOKENS; token++) {
    for (let choice = 0; choice < TOP_K; choice++) counts[(token ** 2 + step + layer + category + choice) % EXPERTS]!++;
  }
  return counts;
}

async function expectReported(id: string): Promise<void> {
  const summary = await readSummary(collector.http, id);
  const { FINISHED } = v1.RunSummary.State;
  expect(summary).toMatchObject({ state: FINISHED, steps: STEPS, rejected: 0, tokens: STEPS * TOKENS * 2 });
  expect(summary.run).toMatchObject({ name: "an example", moeLayers: LAYERS, experts: EXPERTS, topK: TOP_K });
  const answer = await fetch(`http://${collector.http}/api/v1/runs/${id}/history?layers=all&points=${STEPS}`, {
    headers: { Accept: "application/x-protobuf" },
  });
  const { buckets } = v1.History.decode(new Uint8Array(await answer.arrayBuffer()));
  const stored = buckets.map(({ firstStep, scalars, layers }) => ({
    ...{ step: firstStep, loss: scalars![0]!.sum },
    layers: layers!.map(({ layer, categories }) => [
      layer,
      categories!.map(({ counts, tokens }) => [[...counts!], tokens]),
    ]),
  }));
  const reported = Array.from({ length: STEPS }, (_, step) => ({
    ...{ step, loss: 4 / (step + 1) },
    layers: LAYERS.map((layer) => [layer, [0, 1].map((category) => [countsOf(step, layer, category), TOKENS])]),
  }));
  expect(stored).toEqual(reported);
}

test("TypeScript", async () => {
  // In this folder it finds @grpc/grpc-js as it would in a project of its own.
  const built = mkdtempSync(join(root, "node_modules/.moescope-example-"));
  try {
    const options = {
      outDir: built,
      rootDir: examples,
      noEmit: false,
      declaration: false,
      declarationMap: false,
      types: ["node"],
    };
    const config = {
      extends: join(root, "tsconfig.base.json"),
      compilerOptions: options,
      files: [join(examples, "reporter.ts")],
    };
    writeFileSync(join(built, "tsconfig.json"), JSON.stringify(config));
    writeFileSync(join(built, "package.json"), '{ "type": "module" }');
    await run(join(root, "node_modules/.bin/tsc"), ["-p", built]);
    const schema = join(root, "packages/proto");
    const { stdout } = await run(process.execPath, [join(built, "reporter.js"), collector.grpc, schema]);
    expect(stdout).toBe("example-typescript: 50 steps are stored\n");
    await expectReported("example-typescript");
  } finally {
    rmSync(built, { recursive: true });
  }
});

const PACKAGES = ["grpcio==1.85.1", "grpcio-tools==1.85.1"];

/** @returns the Python of an environment that has gRPC, kept between runs of this test; or why there is none */
function preparePython(): { python: string } | { missing: string } {
  const environment = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "moescope", PACKAGES.join("-"));
  const [python, done] = [join(environment, "bin/python"), join(environment, "installed")];
  if (existsSync(done)) return { python };
  try {
    mkdirSync(environment, { recursive: true });
    execFileSync("python3", ["-m", "venv", environment], { stdio: "pipe" });
    const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", ...PACKAGES];
    execFileSync(python, install, { stdio: "pipe", timeout: 180_000 });
    writeFileSync(done, "");
    return { python };
  } catch (error) {
    return { missing: (error as Error).message.split("\n")[0]! };
  }
}

const prepared = preparePython();
if ("missing" in prepared) {
  console.warn(
    `reporter.py is not tested: it takes Python 3 and \`pip install ${PACKAGES.join(" ")}\` (${prepared.missing})`,
  );
}

test.skipIf("missing" in prepared)("Python", async () => {
  const { python } = prepared as { python: string };
  const { stdout } = await run(python, [join(examples, "reporter.py"), collector.grpc]);
  expect(stdout).toBe("example-python: 50 steps are stored\n");
  await expectReported("example-python");
});

test("the guide says of every status that a collector ends streams with what to do", () => {
  const sources = globSync("packages/telemetry/src/ingest/*.ts", { cwd: root, ignore: "**/*.test.ts" });
  const used = sources.flatMap((file) => [
    ...readFileSync(join(root, file), "utf8").matchAll(/\bstatus\.([A-Z_]+)\b/g),
  ]);
  const names = [...new Set(used.map(([, name]) => name!))];
  expect(names.length).toBeGreaterThan(6);
  const guide = readFileSync(join(root, "packages/proto/README.md"), "utf8").split("## How a stream ends")[1]!;
  for (const name of ["OK", ...names]) expect(guide).toContain(`\`${name}\``);
});
