// A process that may load TensorFlow: started with the environment TensorFlow needs, and a channel to this one.
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { processEnvironment, withoutStartUpNoise } from "@moescope/trainer";
import { note } from "../terminal/lines.ts";

/** @param program the built file to run */
export function startChild(program: URL): ChildProcess {
  const child = spawn(process.execPath, ["--enable-source-maps", fileURLToPath(program)], {
    env: { ...process.env, ...processEnvironment() },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // Keeps NaN, which JSON does not.
    serialization: "advanced",
  });
  // What a library prints appears above the progress bar.
  for (const output of [child.stdout!, child.stderr!.pipe(withoutStartUpNoise())])
    createInterface(output).on("line", note);
  return child;
}
