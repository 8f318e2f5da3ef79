// `npm run moescope -- …` and `npm run demo`: builds what is out of date (nx remembers the rest), then is the command.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";

const nx = createRequire(import.meta.url).resolve("nx");
process.stderr.write("Building…\n");
const build = spawnSync(process.execPath, [nx, "build", "@moescope/cli", "--outputStyle=static"], {
  env: { ...process.env, NX_TUI: "false", NX_DAEMON: "false" },
  encoding: "utf8",
  maxBuffer: 64 * 2 ** 20,
});
if (build.status !== 0) {
  process.stderr.write(`${build.stdout}${build.stderr}\nThe build failed, see above.\n`);
  process.exit(1);
}
await import("../dist/moescope.js");
