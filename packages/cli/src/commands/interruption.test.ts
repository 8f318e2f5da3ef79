// Ctrl-C, and worse: everything stops in order and in time, nothing is left running, what was acknowledged is readable.
import { expect, it } from "vitest";
import {
  anyPorts,
  childrenOf,
  type Ended,
  isRunning,
  moescope,
  type Started,
  start,
  startCollect,
  temporaryDirectory,
  tinyRun,
} from "../testing/moescope.ts";

const endless = ["--steps", "1000000"];
/** Milliseconds. */
const promised = 5000;

it("stops a run on Ctrl-C", async () => {
  const directory = temporaryDirectory();
  await startCollect(directory);
  const train = start(["train", ...tinyRun, ...endless], directory);
  await train.until(/Training on/);
  const { code, stderr } = await stopInTime(train, "SIGINT");
  expect(code).toBe(130);
  expect(stderr).toMatch(/Training stopped after [\d,]+ steps.* by SIGINT/);
  await expectStored(directory, "STOPPED");
});

it("stops a demo on Ctrl-C", async () => {
  const directory = temporaryDirectory();
  const demo = start(["demo", ...tinyRun, ...endless, ...anyPorts], directory);
  await demo.until(/Training on/);
  expect((await stopInTime(demo, "SIGINT")).code).toBe(130);
  await expectStored(directory, "STOPPED");
});

it("ends the training process when the command that started it is killed", async () => {
  const directory = temporaryDirectory();
  const train = start(["train", ...tinyRun, ...endless, "--no-collector"], directory);
  await train.until(/Training on/);
  const [child] = childrenOf(train.pid);
  await train.signal("SIGKILL");
  await expect.poll(() => isRunning(child!), { timeout: promised }).toBe(false);
});

async function stopInTime(command: Started, signal: NodeJS.Signals): Promise<Ended> {
  const children = childrenOf(command.pid);
  expect(children).toHaveLength(1);
  const asked = performance.now();
  const ended = await command.signal(signal);
  expect(performance.now() - asked).toBeLessThan(promised);
  expect(children.filter(isRunning)).toEqual([]);
  return ended;
}

async function expectStored(directory: string, state: string): Promise<void> {
  const { runs } = JSON.parse((await moescope(["runs", "--json"], directory)).stdout);
  expect(runs).toMatchObject([{ state, reason: "SIGINT" }]);
}
