// Reports a run to a moescope collector: npx tsx reporter.ts HOST:PORT (npm install @grpc/grpc-js @grpc/proto-loader).
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  type ClientDuplexStream,
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  Metadata,
  type ServiceClientConstructor,
  type StatusObject,
  status,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const [RUN, LAYERS, CATEGORIES] = ["example-typescript", [1, 3], ["code", "docs"]] as const;
const [EXPERTS, TOP_K, STEPS, TOKENS] = [8, 2, 50, 64];
const TRY_AGAIN = [status.UNAVAILABLE, status.DATA_LOSS, status.INTERNAL, status.DEADLINE_EXCEEDED];

const [, , address, schema = fileURLToPath(new URL("..", import.meta.url))] = process.argv;
const definition = loadSync("moescope/v1/collector.proto", { includeDirs: [schema], keepCase: true, longs: Number });
const { v1 } = loadPackageDefinition(definition).moescope as { v1: GrpcObject };
const client = new (v1.Collector as ServiceClientConstructor)(address!, credentials.createInsecure());
const metadata = new Metadata();
if (process.env.MOESCOPE_TOKEN) metadata.set("authorization", `Bearer ${process.env.MOESCOPE_TOKEN}`);

/** What a router would have chosen: TOP_K different experts for each token. */
function routing(step: number, layer: number, category: number) {
  const counts = Array(EXPERTS).fill(0);
  for (let token = 0; token < TOKENS; token++) {
    for (let choice = 0; choice < TOP_K; choice++)
      counts[(token * token + step + layer + category + choice) % EXPERTS]++;
  }
  return { category, counts, tokens: TOKENS };
}

function stepOf(step: number) {
  const histograms = LAYERS.map((layer) => ({ layer, categories: [routing(step, layer, 0), routing(step, layer, 1)] }));
  const scalars = [{ name: "loss", value: 4 / (step + 1) }];
  const seen = { tokens: (step + 1) * TOKENS * CATEGORIES.length, time: Date.now(), split: "TRAIN" };
  return { run: RUN, sequence: step + 1, step, scalars, histograms, ...seen };
}

interface Answer {
  acknowledgement?: { sequence: number };
  rejection?: { sequence: number; message: string };
}

/** Sends what is not acknowledged over one stream. @returns how far the collector has got, and how the stream ended */
async function deliverOnce(hello: object, messages: object[]): Promise<{ acknowledged: number; ended: StatusObject }> {
  const stream: ClientDuplexStream<object, Answer> = client.report!(metadata);
  let acknowledged = -1;
  stream.write({ hello });
  stream.on("error", () => {}); // comes again as a status
  stream.on("data", ({ acknowledgement, rejection }: Answer) => {
    if (rejection) console.error(`message ${rejection.sequence} is refused: ${rejection.message}`);
    if (rejection && acknowledged < 0) process.exit(1);
    if (!acknowledgement) return;
    if (acknowledged < 0) for (const message of messages.slice(acknowledgement.sequence)) stream.write(message);
    acknowledged = acknowledgement.sequence;
    if (acknowledged >= messages.length) stream.end();
  });
  const ended = await new Promise<StatusObject>((resolve) => stream.on("status", resolve));
  return { acknowledged, ended };
}

const layers = LAYERS.map((index) => ({ index, experts: EXPERTS, top_k: TOP_K }));
const run = { id: RUN, name: "an example", ranks: 1, layers, categories: CATEGORIES, planned_steps: STEPS };
const end = { run: RUN, sequence: STEPS + 1, outcome: "FINISHED", ended_at: Date.now() };
const messages = [...Array.from({ length: STEPS }, (_, step) => ({ step: stepOf(step) })), { end }];
for (let pause = 50; ; pause = Math.min(5000, 2 * pause)) {
  const { acknowledged, ended } = await deliverOnce({ protocol_version: 2, run }, messages);
  if (acknowledged >= messages.length) break;
  if (!TRY_AGAIN.includes(ended.code)) throw new Error(`the collector refuses the stream: ${ended.details}`);
  await delay(pause);
}
client.close();
console.log(`${RUN}: ${STEPS} steps are stored`);
