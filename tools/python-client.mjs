// Tests of the Python client: `node tools/python-client.mjs test` runs them where a Python has what they need, and `install` makes one
// that has, in the cache folder. Torch is a download of gigabytes, so no test run does that by itself.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const project = join(root, "packages/python");
const examples = join(root, "examples/python");
const requirements = join(project, "requirements-test.txt");
const ofFrameworks = join(project, "requirements-frameworks.txt");
const caches = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "moescope");
const cache = join(caches, `python-client-${digest(requirements)}`);
/** Packages of other frameworks and of trackers, without those that they depend on and the tests do not need. */
const frameworks = join(cache, `frameworks-${digest(ofFrameworks)}`, "site-packages");
const HOW = "node tools/python-client.mjs install";

const commands = { install, test };
const command = commands[process.argv[2]];
if (command === undefined) {
  console.error(`usage: python-client.mjs ${Object.keys(commands).join("|")}`);
  process.exit(2);
}
process.exitCode = command();

/** Once for each version of the two lists of requirements. */
function install() {
  return made(cache, fillEnvironment) && made(frameworks, fillFrameworks) ? 0 : 1;
}

/** @returns whether the folder is there in full, which the file `installed` in it says */
function made(folder, fill) {
  if (isMade(folder)) return true;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    fill();
  } catch (error) {
    // What is half there would only take the room that it may have been short of.
    rmSync(folder, { recursive: true, force: true });
    console.error(error.message);
    return false;
  }
  writeFileSync(join(folder, "installed"), "");
  return true;
}

function fillEnvironment() {
  run("python3", ["-m", "venv", cache]);
  pip("-r", requirements);
}

function fillFrameworks() {
  pip("--no-deps", "--no-compile", "--target", frameworks, "-r", ofFrameworks);
}

function pip(...given) {
  run(join(cache, "bin/python"), ["-m", "pip", "install", "--quiet", "--no-cache-dir", ...given]);
}

function test() {
  const interpreter = python();
  if (interpreter === undefined) {
    console.warn(
      `the Python client is not tested: it takes Python 3.10 or later with torch (some gigabytes); \`${HOW}\``,
    );
    return 0;
  }
  if (!isMade(frameworks)) console.warn(`models of other frameworks and trackers are not tested: \`${HOW}\``);
  const results = join(root, "test-results");
  mkdirSync(results, { recursive: true });
  const xml = join(results, "python.xml");
  const checks = [
    ["-m", "ruff", "check", "--config", "pyproject.toml", "src", "tests", "bench", examples],
    ["-m", "mypy"],
    ["-m", "pytest", `--junitxml=${xml}`],
  ];
  const codes = checks.map((given) => {
    return spawnSync(interpreter, given, { cwd: project, stdio: "inherit", env: environment() }).status ?? 1;
  });
  // One file for each package, in the form that vitest writes.
  writeFileSync(join(results, "python.json"), JSON.stringify(asVitest(readFileSync(xml, "utf8"))));
  rmSync(xml);
  return codes.every((code) => code === 0) ? 0 : 1;
}

/** @returns the interpreter that has what the tests need */
function python() {
  return isMade(cache) ? join(cache, "bin/python") : undefined;
}

function isMade(folder) {
  return existsSync(join(folder, "installed"));
}

function digest(file) {
  return createHash("sha256").update(readFileSync(file)).digest("hex").slice(0, 12);
}

function environment() {
  return { ...process.env, PYTHONPATH: `${join(project, "src")}:${frameworks}`, PYTHONDONTWRITEBYTECODE: "1" };
}

function run(program, given) {
  execFileSync(program, given, { stdio: "inherit" });
}

function asVitest(xml) {
  const cases = [...xml.matchAll(/<testcase classname="([^"]*)" name="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g)];
  const tests = cases.map(([, file, name, inside = ""]) => ({
    file: text(file),
    fullName: text(name),
    status: /<(failure|error)\b/.test(inside) ? "failed" : /<skipped\b/.test(inside) ? "pending" : "passed",
    failureMessages: [...inside.matchAll(/<(?:failure|error)[^>]*>([\s\S]*?)<\//g)].map(([, message]) => text(message)),
  }));
  const count = (status) => tests.filter((each) => each.status === status).length;
  const files = [...new Set(tests.map(({ file }) => file))];
  return {
    ...{ numPassedTests: count("passed"), numFailedTests: count("failed"), numPendingTests: count("pending") },
    numTodoTests: 0,
    testResults: files.map((name) => {
      const assertionResults = tests.filter(({ file }) => file === name);
      const failed = assertionResults.some(({ status }) => status === "failed");
      return { name, status: failed ? "failed" : "passed", message: "", assertionResults };
    }),
  };
}

/** XML has few entities of its own. */
function text(escaped) {
  const entities = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  return escaped.replace(/&(?:#(\d+)|(\w+));/g, (all, code, name) =>
    code ? String.fromCharCode(code) : (entities[name] ?? all),
  );
}
