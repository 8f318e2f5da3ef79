// `npm run bench [-- NAME … --steps N --clickhouse SERVERS]`: measures what the project promises, beside its peers where they are installed.
import { parseArgs } from "node:util";
import { ingest } from "./ingest.ts";
import { memory } from "./memory.ts";
import { reporterCost } from "./reporter-cost.ts";
import { telemetryCost } from "./telemetry-cost.ts";
import { trainStep } from "./train-step.ts";

const options = {
  /** Of each run that `ingest` sends. */
  steps: { type: "string", default: "2000" },
  /** ClickHouse servers that `ingest` starts and stores into, each a shard; 0 is the embedded engine. */
  clickhouse: { type: "string", default: "0" },
} as const;
const { values, positionals: names } = parseArgs({ options, allowPositionals: true });
const steps = Number(values.steps);
if (!Number.isSafeInteger(steps) || steps < 100) {
  console.error(`--steps ${values.steps}: allowed are whole numbers from 100`);
  process.exit(2);
}
const shards = Number(values.clickhouse);
if (![0, 1, 2, 3, 4].includes(shards)) {
  console.error(`--clickhouse ${values.clickhouse}: allowed are 0 to 4 servers`);
  process.exit(2);
}

const benches: Record<string, () => Promise<void>> = {
  "train-step": trainStep,
  memory,
  reporter: reporterCost,
  "telemetry-cost": telemetryCost,
  ingest: () => ingest({ steps, shards }),
};

const unknown = names.find((name) => !Object.hasOwn(benches, name));
if (unknown !== undefined) {
  console.error(`Unknown bench "${unknown}"; allowed: ${Object.keys(benches).join(", ")}`);
  process.exit(2);
}
for (const name of names.length > 0 ? names : Object.keys(benches)) {
  console.log(`\n## ${name}\n`);
  await benches[name]!();
}
