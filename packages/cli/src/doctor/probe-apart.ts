// What each backend can do, found out in another process.
import type { BackendProbe } from "@moescope/trainer";
import { Failure } from "../failure.ts";
import { startChild } from "../training/start-child.ts";

/** @throws Failure when a backend takes the process with it */
export function probeApart(signal: AbortSignal): Promise<BackendProbe[]> {
  const child = startChild(new URL("./probe-process.js", import.meta.url));
  signal.addEventListener("abort", () => child.kill("SIGKILL"), { once: true });
  return new Promise((resolve, reject) => {
    let probes: BackendProbe[] | undefined;
    child.once("message", (message) => {
      probes = message as BackendProbe[];
    });
    child.once("error", (error) => reject(new Failure(`The backends cannot be tried: ${error.message}`)));
    child.once("close", (code, killedBy) => {
      if (probes) resolve(probes);
      else reject(new Failure(`Trying the backends ended with ${killedBy ?? `exit code ${code}`}`));
    });
  });
}
