// `npm run moescope -- …` and `npm run demo`: builds what is out of date (nx remembers the rest), then is the command.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";

process.stderr.write("Building…\n");
const build = spawn(process.execPath, [findNx(), "build", "@moescope/cli", "--outputStyle=static"], {
  env: { ...process.env, NX_TUI: "false", NX_DAEMON: "false" },
  stdio: ["ignore", "pipe", "pipe"],
});
const output = [];
for (const stream of [build.stdout, build.stderr]) stream.on("data", (chunk) => output.push(chunk));
const forward = (signal) => build.kill(signal);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, forward);
const [code, signal] = await new Promise((resolve) => build.on("close", (...end) => resolve(end)));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.off(signal, forward);

if (code !== 0) {
  // A build that a person stopped has nothing to explain.
  const stopped = signal !== null || code >= 128;
  if (!stopped) process.stderr.write(`${Buffer.concat(output)}\nThe build failed, see above.\n`);
  process.exit(stopped ? 130 : 1);
}
await import("../dist/moescope.js");

function findNx() {
  try {
    return createRequire(import.meta.url).resolve("nx");
  } catch {
    process.stderr.write("The packages are not installed yet; run: npm ci\n");
    process.exit(1);
  }
}
