// Tries every backend in a process of its own, so that one that crashes takes only this process with it.
import { probeBackends } from "@moescope/trainer";

const probes = await probeBackends();
process.send!(probes, () => process.exit());
