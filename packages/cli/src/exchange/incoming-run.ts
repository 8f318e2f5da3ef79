// A run that comes from elsewhere: what every format makes of its files, and how it gets into a collector.
import { METRICS_VERSION } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import { Failure } from "../failure.ts";
import { RunStream, type Target } from "./run-stream.ts";

/** What a format knows of a run; the rest of the description is the user's to give. */
export interface IncomingRun {
  shape: Pick<v1.RunDescription, "moeLayers" | "experts" | "topK" | "categories" | "plannedSteps" | "startedAt">;
  /** In the order they are to be stored, all ranks added up; run, sequence and tokens are filled in here. */
  steps: AsyncIterable<v1.Step.$Properties>;
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
 * Stores a run through the collector's gRPC service, step by step.
 *
 * @throws Failure when a run of that id is stored already, or the collector refuses a step
 */
export async function storeIncoming(target: Target, incoming: IncomingRun, identity: Identity): Promise<Imported> {
  const { shape, steps } = incoming;
  const run = new v1.RunDescription({
    ...{ ...identity, ...shape },
    ...{ recipe: "imported", ranks: 1, metricsVersion: METRICS_VERSION },
  });
  const attempts = new AttemptStreams(target, run);
  try {
    let tokens = 0;
    for await (const step of steps) {
      tokens += trainedTokens(step);
      await attempts.send({ ...step, tokens });
    }
    return { run: run.id, messages: await attempts.end() };
  } catch (error) {
    if (attempts.messages === 0 || !(error instanceof Failure)) throw error;
    const instead = `A part of run ${run.id} is stored: moescope delete ${run.id}, then import again`;
    throw new Failure(`${error.message}. ${instead}`, { cause: error });
  } finally {
    attempts.close();
  }
}

/** A stream for each attempt, opened at its first step. */
class AttemptStreams {
  readonly #target: Target;
  readonly #run: v1.RunDescription;
  readonly #streams = new Map<number, { stream: RunStream; sequence: number }>();
  #endedAt: number;
  messages = 0;

  constructor(target: Target, run: v1.RunDescription) {
    this.#target = target;
    this.#run = run;
    this.#endedAt = run.startedAt;
  }

  async send(step: v1.Step.$Properties): Promise<void> {
    const { attempt = 0, time } = step;
    const of = this.#streams.get(attempt!) ?? (await this.#open(attempt!));
    this.#endedAt = Math.max(this.#endedAt, time!);
    await of.stream.send(++of.sequence, { step: { ...step, run: this.#run.id } });
    this.messages++;
  }

  /** The newest attempt is the one that finished. @returns messages sent in all */
  async end(): Promise<number> {
    const attempt = Math.max(...this.#streams.keys());
    const newest = this.#streams.get(attempt);
    if (newest !== undefined) {
      const end = { run: this.#run.id, attempt, outcome: v1.RunEnd.Outcome.FINISHED, endedAt: this.#endedAt };
      await newest.stream.send(++newest.sequence, { end });
      this.messages++;
    }
    for (const { stream } of this.#streams.values()) await stream.settle();
    return this.messages;
  }

  close(): void {
    for (const { stream } of this.#streams.values()) stream.close();
  }

  async #open(attempt: number) {
    const opened = { stream: new RunStream(this.#target), sequence: 0 };
    this.#streams.set(attempt, opened);
    const held = await opened.stream.hello({ run: this.#run }, 0, attempt);
    if (held === 0) return opened;
    const { id } = this.#run;
    throw new Failure(`Run ${id} is stored already (${held} messages); choose another --id, or delete it first`);
  }
}

/** Every layer sees every token; one that a cut-off file leaves short has fewer. */
function trainedTokens({ split, histograms }: v1.Step.$Properties): number {
  if (split !== v1.Split.TRAIN) return 0;
  const ofLayers = (histograms ?? []).map(({ categories }) => {
    return (categories ?? []).reduce((sum, { tokens }) => sum + (tokens ?? 0), 0);
  });
  return Math.max(0, ...ofLayers);
}
