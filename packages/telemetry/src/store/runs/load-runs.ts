// What the store knows of every run, read back into memory: when a collector starts, and when another one has stored more.
import { v1 } from "@moescope/proto";
import { asNumber, asNumbers, DATABASE } from "../engine/database.ts";
import { ALL_RUNS, type Store, type WhichRuns } from "../store.ts";
import { AnnotationTable } from "./annotation-table.ts";
import { describeLayersTwice, isContradiction, merged } from "./merge-descriptions.ts";
import type { StepDigest } from "./run-summary.ts";
import type { Runs } from "./runs.ts";

/** @returns how far each stream is stored */
export async function loadRuns(store: Store, runs: Runs) {
  return load(store, runs, ALL_RUNS);
}

/** Replaces what is known of one run. */
export async function reloadRun(store: Store, runs: Runs, run: string): Promise<void> {
  const found = runs.blank();
  await load(store, found, { where: "run = {run:String}", parameters: { run } });
  runs.replace(run, found);
}

async function load(store: Store, runs: Runs, which: WhichRuns) {
  await loadDescriptions(store, runs, which);
  await loadAttempts(store, runs, which);
  await loadNewestSteps(store, runs, which);
  await loadEnds(store, runs, which);
  const annotations = await new AnnotationTable(store.database).read(which);
  for (const [run, annotation] of annotations) runs.annotated(run, annotation);
  const marks = await store.streamMarks(which);
  for (const mark of marks) runs.heardBefore(mark.run, mark.lastMessageAt, mark.rejected);
  for (const run of runs.ids()) {
    for (const { attempt } of runs.attempts(run)) runs.stepsExpired(run, attempt!, store.singleFrom(run, attempt!));
  }
  return marks;
}

async function loadDescriptions({ database }: Store, runs: Runs, { where, parameters }: WhichRuns): Promise<void> {
  const rows = await database.rows(
    `SELECT attempt, description FROM ${DATABASE}.runs WHERE ${where} ORDER BY run, attempt, length(description)`,
    parameters,
  );
  for (const [attempt, encoded] of rows) {
    const description = v1.RunDescription.decode(Buffer.from(encoded as string, "base64"));
    const stored = { description: describeLayersTwice(description), attempt: asNumber(attempt) };
    const known = runs.described(description.id);
    // The engine keeps only the last of these rows in the end, until then there is one for each time that something was added.
    const all = known === undefined ? stored : merged(known, stored);
    runs.describe(isContradiction(all) ? stored : all, 0);
  }
}

async function loadAttempts({ database }: Store, runs: Runs, { where, parameters }: WhichRuns): Promise<void> {
  const rows = await database.rows(
    `SELECT run, toInt8(split), attempt, min(step), max(step), uniqExact(step)
     FROM ${DATABASE}.steps WHERE ${where} GROUP BY run, split, attempt`,
    parameters,
  );
  for (const [run, ...numbers] of rows) {
    const [split, attempt, firstStep, lastStep, steps] = numbers.map(asNumber);
    runs.attemptSeen(run as string, attempt!, split!, { firstStep: firstStep!, lastStep: lastStep!, steps: steps! });
  }
  const ranks = await database.rows(
    `SELECT run, attempt, rank, max(step) FROM ${DATABASE}.steps WHERE split = 'TRAIN' AND ${where} GROUP BY run, attempt, rank`,
    parameters,
  );
  for (const [run, ...numbers] of ranks) {
    const [attempt, rank, step] = numbers.map(asNumber);
    runs.rankSeen(run as string, attempt!, rank!, step!);
  }
}

// The newest step of each run and split: of the newest attempt, the highest.
const newest = (where: string) =>
  `(SELECT run, split, (max((attempt, step)) AS newest).1, newest.2 FROM ${DATABASE}.steps WHERE ${where} GROUP BY run, split)`;

async function loadNewestSteps({ database }: Store, runs: Runs, { where, parameters }: WhichRuns): Promise<void> {
  const layers = await loadNewestLayers(database, { where, parameters });
  const rows = await database.rows(
    `SELECT run, toInt8(split), attempt, step, max(s.tokens), argMin(s.scalar_names, rank), argMin(s.scalar_values, rank), uniqExact(rank)
     FROM ${DATABASE}.steps AS s WHERE ${where} AND (run, split, attempt, step) IN ${newest(where)} GROUP BY run, split, attempt, step`,
    parameters,
  );
  for (const [run, split, attempt, step, tokens, names, values, ranks] of rows) {
    const scalars = new Map(asNumbers(values).map((value, index) => [(names as string[])[index], value]));
    runs.newestStep(run as string, asNumber(split), {
      attempt: asNumber(attempt),
      step: asNumber(step),
      ranks: asNumber(ranks),
      tokens: asNumber(tokens),
      loss: scalars.get("loss") ?? Number.NaN,
      tokensPerSecond: scalars.get("tokens_per_second") ?? Number.NaN,
      layers: layers.get(`${run}/${split}`) ?? [],
    });
  }
}

async function loadNewestLayers(
  database: Store["database"],
  { where, parameters }: WhichRuns,
): Promise<Map<string, StepDigest["layers"]>> {
  const rows = await database.rows(
    `SELECT run, toInt8(split), layer, argMax(max_violation, ranks), argMax(busiest_expert, ranks)
     FROM ${DATABASE}.layers WHERE ${where} AND (run, split, attempt, step) IN ${newest(where)} GROUP BY run, split, layer ORDER BY layer`,
    parameters,
  );
  const layers = new Map<string, StepDigest["layers"]>();
  for (const [run, split, layer, maxViolation, busiestExpert] of rows) {
    const key = `${run}/${split}`;
    const entry = {
      layer: asNumber(layer),
      maxViolation: asNumber(maxViolation),
      busiestExpert: asNumber(busiestExpert),
    };
    layers.set(key, [...(layers.get(key) ?? []), entry]);
  }
  return layers;
}

async function loadEnds({ database }: Store, runs: Runs, { where, parameters }: WhichRuns): Promise<void> {
  const rows = await database.rows(
    `SELECT run, attempt, rank, sequence, toInt8(outcome), reason, ended_at FROM ${DATABASE}.ends
     WHERE ${where} ORDER BY run, attempt, rank, sequence`,
    parameters,
  );
  for (const [run, attempt, rank, sequence, outcome, reason, endedAt] of rows) {
    const [attemptNumber, rankNumber, sequenceNumber] = [attempt, rank, sequence].map(asNumber);
    runs.endStored(
      v1.RunEnd.create({
        run: run as string,
        attempt: attemptNumber!,
        rank: rankNumber!,
        sequence: sequenceNumber!,
        outcome: asNumber(outcome),
        reason: reason as string,
        endedAt: asNumber(endedAt),
      }),
    );
  }
}
