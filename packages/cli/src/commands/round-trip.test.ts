// A real run: trained, collected, listed, shown, drawn.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { moescope, startCollect, temporaryDirectory, tinyRun } from "../testing/moescope.ts";

const steps = 10;
const tokensPerStep = 4 * 16;
const topK = 2;

it("trains a run that can be listed, shown and drawn, with a collector and after it", async () => {
  const directory = temporaryDirectory();
  const { collect } = await startCollect(directory);

  const train = await moescope(["train", ...tinyRun, "--steps", String(steps), "--tag", "trip", "--json"], directory);
  expect(train.code, train.stderr).toBe(0);
  const result = JSON.parse(train.stdout);
  // One message a step, one of the evaluation, one of the probe, one of the end.
  expect(result).toMatchObject({
    outcome: "finished",
    steps,
    reporting: { messages: steps + 3, acknowledged: steps + 3 },
  });
  expect(train.stderr).toMatch(/^10\/10 {2}loss \d\.\d{3} {2}[\d,]+ tokens\/s {2}MaxVio \d\.\d\d {2}0:00 left$/m);

  const { runs } = JSON.parse((await moescope(["runs", "--json"], directory)).stdout);
  expect(runs).toMatchObject([{ run: { id: result.run, tags: ["trip"] }, state: "FINISHED", steps }]);
  expect(runs[0].loss).toBeCloseTo(result.loss, 5);
  expect((await collect.signal("SIGTERM")).code).toBe(0);

  // From here no collector runs: the commands open the directory themselves.
  const list = await moescope(["runs"], directory);
  expect(list.stdout).toContain(`${result.run}  finished`);
  const shown = JSON.parse((await moescope(["show", result.run.slice(0, -2), "--json"], directory)).stdout);
  expect(shown.configuration).toMatchObject({ recipe: "quick", model: { layers: 1, experts: 4 } });
  expect(shown.balance).toMatchObject({
    firstStep: steps - 1,
    lastStep: steps - 1,
    layers: [{ layer: 0, dropped: 0 }],
  });
  expect(shown.heads.step).toBe(steps - 1);
  expect(Object.values<number>(shown.heads.heads).reduce((sum, count) => sum + count)).toBe(2);
  await expectFigure(directory, result.run);
});

async function expectFigure(directory: string, run: string): Promise<void> {
  const files = ["f.svg", "f.png", "f.csv"];
  const from = ["--from", "0", "--to", String(steps - 1)];
  const figure = await moescope(["figure", "relative-load", "--runs", run, ...from, "--out", ...files], directory);
  expect(figure).toMatchObject({ code: 0, stdout: `${files.join("\n")}\n` });
  expect(readFileSync(join(directory, "f.svg"), "utf8")).toMatch(/^<\?xml[\s\S]*<\/svg>\n$/);
  expect(readFileSync(join(directory, "f.png")).subarray(1, 4).toString()).toBe("PNG");
  const [header, ...rows] = readFileSync(join(directory, "f.csv"), "utf8").trim().split("\r\n");
  const count = header!.split(",").indexOf("count");
  const total = rows.reduce((sum, row) => sum + Number(row.split(",")[count]), 0);
  expect(total).toBe(topK * tokensPerStep * steps);
}

it("keeps what no collector takes, and says where", async () => {
  const directory = temporaryDirectory();
  const nobody = ["--collector", "127.0.0.1:1"];
  const { code, stderr } = await moescope(["train", ...tinyRun, "--steps", "2", ...nobody], directory);
  expect(stderr).toMatch(/Telemetry: 0 of 5 messages acknowledged, 5 wait in \S*moescope-data\/spool/);
  expect(code).toBe(0);
});

it("ends with exit code 1 when the loss is not a number, names the step, and keeps what was sent", async () => {
  const directory = temporaryDirectory();
  await startCollect(directory);
  const wild = ["--set", "optimizer.learningRate=1e30", "--set", "optimizer.warmupSteps=1"];
  const { code, stderr } = await moescope(["train", ...tinyRun, ...wild], directory);
  expect(stderr).toMatch(/The run failed: .*(NaN|Infinity).* at step \d+/);
  expect(code).toBe(1);
  const { runs } = JSON.parse((await moescope(["runs", "--json"], directory)).stdout);
  expect(runs).toMatchObject([{ state: "FAILED", reason: expect.stringMatching(/at step \d+/) }]);
  expect(runs[0].steps).toBeGreaterThan(0);
});
