// A run of protocol 2 read back as its messages: what every rank sent, and when those are stored again, the same rows.
import { v1 } from "@moescope/proto";
import { expect, test, vi } from "vitest";
import { temporaryDirectory } from "../../testing/collector.ts";
import { unevenRun, unevenStep } from "../../testing/protocol-2.ts";
import { RunInStore } from "../../testing/run-in-store.ts";
import { describedRun, randomStep } from "../../testing/runs.ts";
import { asStored } from "../writing/gates.ts";
import { runMessages } from "./run-messages.ts";

const RANKS = 3;

async function storedSteps({ run, store, database }: RunInStore): Promise<v1.Step[]> {
  const steps: v1.Step[] = [];
  for await (const { step } of runMessages({ run, exists: store.existing(run.id) }, database)) {
    steps.push(copyOf(step as v1.Step));
  }
  return steps;
}

/** Off the wire. */
function copyOf(step: v1.Step): v1.Step {
  return v1.Step.decode(v1.Step.encode(step).finish());
}

function kept(step: v1.Step): v1.Step {
  const copy = copyOf(step);
  asStored(copy);
  return copyOf(copy);
}

/** By sequence number, then by rank, as they are read back. */
function sentSteps(run: v1.RunDescription, length: number): v1.Step[] {
  return Array.from({ length: length * run.ranks }, (_, index) => {
    const step = Math.floor(index / run.ranks);
    return unevenStep(run, { step, sequence: step + 1, rank: index % run.ranks });
  });
}

test("ranks with other categories, with none, and without a layer: what each has sent is read back, and stored again", async () => {
  const run = unevenRun("kept", { ranks: RANKS });
  const sent = sentSteps(run, 40);
  const empty = sent.flatMap(({ histograms }) => histograms).filter(({ categories }) => categories!.length === 0);
  expect(empty.length).toBeGreaterThan(10);
  const first = await RunInStore.open(run, temporaryDirectory());
  await first.write(sent.map(copyOf));
  const messages = await storedSteps(first);
  await first.database.close();
  expect(messages).toEqual(sent.map(kept));

  const second = await RunInStore.open(run, temporaryDirectory());
  await second.write(messages.map(copyOf));
  expect(await storedSteps(second)).toEqual(messages);
  await second.database.close();
});

test("a sender of protocol 1 says what it dropped beside its counts, and nothing of the experts", async () => {
  const run = describedRun("former");
  const sent = Array.from({ length: 20 }, (_, step) => randomStep(run, { sequence: step + 1, step }));
  const store = await RunInStore.open(run, temporaryDirectory());
  await store.write(sent.map(copyOf));
  const messages = await storedSteps(store);
  await store.database.close();
  expect(messages).toEqual(sent.map(kept));
  const dropped = messages.map(({ histograms }) => histograms[0]!.categories![0]!.dropped!);
  expect(Math.max(...dropped)).toBeGreaterThan(0);
});

test("what is read follows what is stored, whatever the numbers of messages, steps and ranks", async () => {
  const run = describedRun("anywhere", { ranks: 2 ** 32 - 1 });
  const numbers = [1, 2, 70_000, 10 ** 9, 10 ** 15, 2 ** 53 - 1];
  const sent = numbers.map((sequence, index) => {
    const step = index === 2 ? 10 ** 12 : index;
    return randomStep(run, { sequence, step, rank: index % 2 === 0 ? 0 : 2 ** 32 - 2 });
  });
  const store = await RunInStore.open(run, temporaryDirectory());
  await store.write(sent.map(copyOf));
  const questions = vi.spyOn(store.database, "rows");
  const messages = await storedSteps(store);
  expect(questions.mock.calls.length).toBeLessThan(20);
  await store.database.close();
  expect(messages).toEqual(sent.map(kept));
});
