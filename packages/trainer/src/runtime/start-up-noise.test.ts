import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { openBackend } from "./backends.ts";
import { processEnvironment } from "./process-environment.ts";
import { withoutStartUpNoise } from "./start-up-noise.ts";

const hasTensorflow = (await openBackend()).name === "tensorflow";

test.runIf(hasTensorflow)(
  "what TensorFlow writes while it is loaded is gone, and what the process writes is whole",
  async () => {
    const addon = createRequire(import.meta.url).resolve("@tensorflow/tfjs-node-gpu");
    const script = `console.error("before"); require(${JSON.stringify(addon)}); console.error("after"); process.stderr.write("end")`;
    const child = spawn(process.execPath, ["-e", script], { env: { ...process.env, ...processEnvironment() } });
    const output = await text(child.stderr.pipe(withoutStartUpNoise()));
    expect(output).not.toMatch(/oneDNN custom operations|absl::InitializeLog/);
    // Other machines have other warnings: those a person should see.
    expect(output).toMatch(/^before\n([\s\S]*\n)?after\nend$/);
  },
);

test("lines that arrive in pieces, and characters that do, stay whole", async () => {
  const filter = withoutStartUpNoise();
  const bytes = Buffer.from(
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\nloss is nän\n",
  );
  for (const byte of bytes) filter.write(Buffer.from([byte]));
  filter.end();
  expect(await text(filter)).toBe("loss is nän\n");
});
