// A run that comes from elsewhere: what every format makes of its files, and how it gets into a collector.
import { METRICS_VERSION } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import { Failure } from "../failure.ts";
import { RunStream, type Target } from "./run-stream.ts";

/** What a format knows of a run; the rest of the description is the user's to give. */
export interface IncomingRun {
  shape: Pick<v1.RunDescription, "moeLayers" | "experts" | "topK" | "categories" | "plannedSteps" | "startedAt">;
  /** For each rank its steps in the order they are to be stored; run, rank, attempt, sequence and tokens are filled in here. */
  ranks: AsyncIterable<v1.Step.$Properties>[];
  /** What the user should know, a line each. */
  notes: readonly string[];
}

/** Who the run is. */
export type Identity = Pick<v1.RunDescription, "id" | "name" | "strategy" | "tags" | "configJson">;

export interface Imported {
  run: string;
  messages: number;
}

/**
 * Stores a run through the collector's gRPC service, step by step over all ranks.
 *
 * @throws Failure when a run of that id is stored already, or the collector refuses a step
 */
export async function storeIncoming(target: Target, incoming: IncomingRun, identity: Identity): Promise<Imported> {
  const { shape, ranks } = incoming;
  const run = new v1.RunDescription({
    ...{ ...identity, ...shape },
    ...{ recipe: "imported", ranks: ranks.length, metricsVersion: METRICS_VERSION },
  });
  const streams = ranks.map(() => new RunStream(target));
  try {
    for (const [rank, stream] of streams.entries()) await introduce(stream, run, rank);
    return { run: run.id, messages: await sendAll(streams, ranks, run.id) };
  } finally {
    for (const stream of streams) stream.close();
  }
}

async function introduce(stream: RunStream, run: v1.RunDescription, rank: number): Promise<void> {
  const held = await stream.hello({ run }, rank, 0);
  if (held === 0) return;
  throw new Failure(`Run ${run.id} is stored already (${held} messages); choose another --id, or delete it first`);
}

async function sendAll(streams: RunStream[], ranks: IncomingRun["ranks"], run: string): Promise<number> {
  const iterators = ranks.map((steps) => steps[Symbol.asyncIterator]());
  const sequences = ranks.map(() => 0);
  let tokens = 0;
  for (;;) {
    // Ranks in step, so that the collector adds up each step while it is in memory.
    const round = await Promise.all(iterators.map((iterator) => iterator.next()));
    if (round.every(({ done }) => done)) break;
    for (const { value } of round) tokens += value === undefined ? 0 : trainedTokens(value);
    for (const [rank, { value }] of round.entries()) {
      if (value !== undefined) await streams[rank]!.send(++sequences[rank]!, { step: { ...value, run, rank, tokens } });
    }
  }
  const end = { run, outcome: v1.RunEnd.Outcome.FINISHED, endedAt: Date.now() };
  for (const [rank, stream] of streams.entries()) await stream.send(++sequences[rank]!, { end: { ...end, rank } });
  for (const stream of streams) await stream.settle();
  return sequences.reduce((sum, sequence) => sum + sequence, 0);
}

/** Every layer sees every token, so one layer's are the step's. */
function trainedTokens({ split, histograms }: v1.Step.$Properties): number {
  if (split !== v1.Split.TRAIN) return 0;
  const [layer] = histograms ?? [];
  return (layer?.categories ?? []).reduce((sum, { tokens }) => sum + (tokens ?? 0), 0);
}
