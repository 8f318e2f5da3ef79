// `npm run bench [-- NAME … --steps N --clickhouse SERVERS --view NAME --minutes N --opened STEPS]`: measures what the project promises, beside its peers where they are installed.
import { parseArgs } from "node:util";
import { dashboard, LIVE_VIEWS } from "./dashboard.ts";
import { indices } from "./indices.ts";
import { ingest } from "./ingest.ts";
import { memory } from "./memory.ts";
import { pythonClient } from "./python-client.ts";
import { reporterCost } from "./reporter-cost.ts";
import { telemetryCost } from "./telemetry-cost.ts";
import { trainStep } from "./train-step.ts";

const options = {
  /** Of each run that `ingest` sends. */
  steps: { type: "string", default: "2000" },
  /** ClickHouse servers that `ingest` starts and stores into, each a shard; 0 is the embedded engine. */
  clickhouse: { type: "string", default: "0" },
  /** The one that `dashboard` watches live; without it three. */
  view: { type: "string" },
  /** That `dashboard` watches each view for. */
  minutes: { type: "string", default: "1" },
  /** Steps of the long run that `dashboard` opens. */
  opened: { type: "string", default: "100000" },
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

const views = values.view === undefined ? LIVE_VIEWS : [values.view];
const noView = views.find((view) => !LIVE_VIEWS.includes(view));
if (noView !== undefined) {
  console.error(`--view ${noView}: allowed are ${LIVE_VIEWS.join(", ")}`);
  process.exit(2);
}
const minutes = Number(values.minutes);
if (!(minutes > 0 && minutes <= 600)) {
  console.error(`--minutes ${values.minutes}: allowed are numbers above 0, up to 600`);
  process.exit(2);
}
const opened = Number(values.opened);
if (!Number.isSafeInteger(opened) || opened < 1) {
  console.error(`--opened ${values.opened}: allowed are whole numbers from 1`);
  process.exit(2);
}

const benches: Record<string, () => Promise<void>> = {
  "train-step": trainStep,
  memory,
  reporter: reporterCost,
  "telemetry-cost": telemetryCost,
  "python-client": pythonClient,
  ingest: () => ingest({ steps, shards }),
  indices,
  dashboard: () => dashboard({ views, minutes, opened }),
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
