// Gate mass and mean probability of stores that held them for each category.

import { addBucket, addRank } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import { afterEach, expect, test } from "vitest";
import { temporaryDirectory } from "../../testing/collector.ts";
import { about, comparable } from "../../testing/comparable.ts";
import { hasNoPast, writeOldStore } from "../../testing/old-store.ts";
import { RunInStore } from "../../testing/run-in-store.ts";
import { describedRun, randomStep } from "../../testing/runs.ts";
import { openDatabase } from "../../testing/store-kind.ts";
import { DATABASE } from "../engine/database.ts";
import { asStored } from "../writing/gates.ts";
import { MIGRATIONS } from "./schema.ts";

let store: RunInStore;
afterEach(() => store?.database.close());

const run = describedRun("old");
const STEPS = 300;

/** A step of protocol 1. */
function sentStep(step: number): v1.Step {
  return v1.Step.decode(v1.Step.encode(randomStep(run, { sequence: step + 1, step })).finish());
}

const steps = () => Array.from({ length: STEPS }, (_, step) => sentStep(step));

async function expectGates(): Promise<void> {
  for (const width of [1, 32, 128]) {
    const buckets: v1.StepBucket[] = [];
    for (const step of steps()) {
      asStored(step);
      const bucket = Math.floor(step.step / width);
      buckets[bucket] = addBucket(buckets[bucket], addRank(step).bucket);
    }
    const answered = await store.history({ from: 0, to: STEPS - 1, points: Math.ceil(STEPS / width) }, "rollups");
    expect(comparable(answered), `${width}`).toEqual(about(comparable(buckets)));
  }
}

test.skipIf(hasNoPast()).each([1, 3, 9, 11, 15, 17, 19])(
  "a store of schema version %i answers with the sum over categories, and their mean by tokens",
  async (version) => {
    const directory = temporaryDirectory();
    await writeOldStore(directory, version, run, steps());
    store = await RunInStore.open(run, directory);
    await expectGates();
    const columns = `SELECT name FROM system.columns WHERE database = '${DATABASE}' AND table = 'routing'`;
    expect((await store.database.rows(columns)).flat()).not.toContain("gate_mass");
  },
);

test.skipIf(hasNoPast()).each([12, 15, 19])(
  "a store of schema version %i that was rolled up answers so too",
  async (version) => {
    const directory = temporaryDirectory();
    await writeOldStore(directory, version, run, steps(), { rolledUp: [32, 128] });
    store = await RunInStore.open(run, directory);
    const [row] = await store.database.rows(`SELECT count(), uniqExact(batch) FROM ${DATABASE}.rolled_steps`);
    expect(row).toEqual([9 + 2, 1]);
    await expectGates();
  },
);

test.skipIf(hasNoPast())("rows that were moved by a migration that was interrupted are there once", async () => {
  const directory = temporaryDirectory();
  await writeOldStore(directory, 19, run, steps(), { rolledUp: [32, 128] });
  const database = await openDatabase(directory);
  for (const statement of moving().slice(0, -1)) await database.run(statement);
  await database.close();
  store = await RunInStore.open(run, directory);
  await expectGates();
  expect(await store.database.rows(`SELECT count() FROM ${DATABASE}.gates`)).toEqual([[2 * STEPS]]);
});

test.skipIf(hasNoPast())("rows that two collectors move at once are there once, whoever is faster", async () => {
  const directory = temporaryDirectory();
  await writeOldStore(directory, 19, run, steps(), { rolledUp: [32, 128] });
  const database = await openDatabase(directory);
  const [gates, ...rollups] = moving();
  // The other has moved all that it moves, and removed no row that came twice.
  for (const statement of [gates!, gates!, ...rollups]) await database.run(statement);
  await database.close();
  store = await RunInStore.open(run, directory);
  await expectGates();
  const counted = `SELECT (SELECT count() FROM ${DATABASE}.gates), (SELECT count() FROM ${DATABASE}.rolled_gates)`;
  expect(await store.database.rows(counted)).toEqual([[2 * STEPS, 2 * (9 + 2)]]);
});

function moving(): string[] {
  const { moves } = MIGRATIONS.find(({ version }) => version === 20)!;
  return moves!.into.flatMap(({ statements }) => statements(DATABASE));
}
