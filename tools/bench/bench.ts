// `npm run bench [-- NAME … --steps N --clickhouse SERVERS --view NAME --minutes N --opened STEPS]`: measures what the project promises, beside its peers where they are installed.
import { parseArgs } from "node:util";
import { dashboard, LIVE_VIEWS } from "./dashboard.ts";
import { indices } from "./indices.ts";
import { ingest } from "./ingest.ts";
import { memory } from "./memory.ts";
import { pythonClient } from "./python-client.ts";
import { reporterCost } from "./reporter-cost.ts";
import { senders } from "./senders.ts";
import { telemetryCost } from "./telemetry-cost.ts";
import { trainStep } from "./train-step.ts";

const options = {
  /** Of each run that `ingest` sends, 2,000 without it; of the job that `senders` are, as many as take half a minute. */
  steps: { type: "string" },
  /** ClickHouse servers that `ingest` and `senders` start and store into, each a shard; 0 is the embedded engine. */
  clickhouse: { type: "string", default: "0" },
  /** The one that `dashboard` watches live; without it three. */
  view: { type: "string" },
  /** That `dashboard` watches each view for. */
  minutes: { type: "string", default: "1" },
  /** Steps of the long run that `dashboard` opens. */
  opened: { type: "string", default: "100000" },
} as const;
const { values, positionals: names } = parseArgs({ options, allowPositionals: true });
const steps = values.steps === undefined ? undefined : Number(values.steps);
/** `ingest` asks for the last hundred. */
const fewestSteps = names.length === 1 && names[0] === "senders" ? 1 : 100;
if (steps !== undefined && (!Number.isSafeInteger(steps) || steps < fewestSteps)) {
  console.error(`--steps ${values.steps}: allowed are whole numbers from ${fewestSteps}`);
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
  ingest: () => ingest({ steps: steps ?? 2000, shards }),
  senders: () => senders({ steps, shards }),
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
