// `npm run bench [-- NAME …]`: measures what the project promises, beside its peers where they are installed.
import { memory } from "./memory.ts";
import { reporterCost } from "./reporter-cost.ts";
import { telemetryCost } from "./telemetry-cost.ts";
import { trainStep } from "./train-step.ts";

const benches: Record<string, () => Promise<void>> = {
  "train-step": trainStep,
  memory,
  reporter: reporterCost,
  "telemetry-cost": telemetryCost,
};

const names = process.argv.slice(2);
const unknown = names.find((name) => !Object.hasOwn(benches, name));
if (unknown !== undefined) {
  console.error(`Unknown bench "${unknown}"; allowed: ${Object.keys(benches).join(", ")}`);
  process.exit(2);
}
for (const name of names.length > 0 ? names : Object.keys(benches)) {
  console.log(`\n## ${name}\n`);
  await benches[name]!();
}
