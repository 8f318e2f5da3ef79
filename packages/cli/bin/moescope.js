#!/usr/bin/env node
// The command as npm links it; the command itself is built TypeScript.
import { existsSync } from "node:fs";

const built = new URL("../dist/moescope.js", import.meta.url);
if (!existsSync(built)) {
  process.stderr.write("moescope is not built yet; run: npm run build\n");
  process.exit(1);
}
await import(built.href);
