import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { snapshotOf, stateOf, temporaryFolder } from "./checkpoint.fixture.ts";
import { CheckpointWriter } from "./checkpoint-writer.ts";
import { readCheckpoint } from "./read-checkpoint.ts";

function writerIn(folder: string, firstStep = 0) {
  const notices: string[] = [];
  const {
    format: _,
    step: __,
    tokens: ___,
    writtenAt: ____,
    ...about
  } = snapshotOf(0, { attempt: firstStep > 0 ? 1 : 0 }).record;
  const notice = (line: string) => void notices.push(line);
  return { notices, writer: new CheckpointWriter({ folder, every: 2, kept: 2, firstStep, about, notice }) };
}

test("keeps every second step, the newest of them, and the last; each as it was at its step", async () => {
  const folder = temporaryFolder();
  const { writer, notices } = writerIn(folder);
  for (let steps = 1; steps <= 8; steps++) await writer.afterStep(steps, () => stateOf(steps));
  await writer.afterLastStep(9, () => stateOf(9));
  expect(await writer.close()).toBe(join(folder, "step-00000009"));
  expect(readdirSync(folder).sort()).toEqual(["step-00000006", "step-00000008", "step-00000009"]);
  for (const step of [6, 8, 9]) {
    const { record, state } = readCheckpoint(join(folder, `step-0000000${step}`));
    expect(state).toEqual(stateOf(step));
    const { batch, sequence } = record.configuration.data;
    expect(record).toMatchObject({ step, tokens: step * batch * sequence });
  }
  expect(notices).toEqual([]);
});

test("reads nothing back when there is nothing new to keep", async () => {
  const folder = temporaryFolder();
  const unread = () => expect.unreachable("the state was read back");
  const resumed = writerIn(folder, 6).writer;
  await resumed.afterStep(7, unread);
  await resumed.afterLastStep(6, unread);
  expect(await resumed.close()).toBeUndefined();

  const { writer } = writerIn(folder);
  await writer.afterStep(2, () => stateOf(2));
  await writer.afterLastStep(2, unread);
  expect(await writer.close()).toBe(join(folder, "step-00000002"));
});

test("a checkpoint that cannot be written is said so; later ones are", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "step-00000002"));
  writeFileSync(join(folder, "step-00000002", "in the way"), "");
  const { writer, notices } = writerIn(folder);
  await writer.afterStep(2, () => stateOf(2));
  await writer.afterStep(4, () => stateOf(4));
  expect(await writer.close()).toBe(join(folder, "step-00000004"));
  expect(notices).toEqual([expect.stringMatching(/The checkpoint of step 2 could not be written, .*ENOTEMPTY/)]);
});
