// The whole demo, with a model that takes seconds.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { anyPorts, moescope, temporaryDirectory, tinyRun } from "../testing/moescope.ts";

it("trains both strategies, compares them, leaves the figure, and stops everything", async () => {
  const directory = temporaryDirectory();
  const demo = await moescope(["demo", ...tinyRun, "--steps", "20", ...anyPorts, "--keep"], directory);
  expect(demo.code, demo.stderr).toBe(0);
  expect(demo.stderr).toMatch(/Dashboard {2}http:\/\/127\.0\.0\.1:\d+/);
  expect(demo.stdout).toMatch(
    /strategy +validation loss +MaxVio global +MaxVio batch +dead experts +dropped tokens +tokens\/s/,
  );
  const number = String.raw`[\d.,]+`;
  const row = (strategy: string) => new RegExp(`^${strategy}(?: +${number}){6}$`, "m");
  expect(demo.stdout).toMatch(row("auxiliary-loss"));
  expect(demo.stdout).toMatch(row("loss-free-bias"));
  const data = join(directory, "moescope-data");
  for (const ending of ["svg", "png", "csv"])
    expect(existsSync(join(data, "figures", `relative-load.${ending}`))).toBe(true);
  expect(existsSync(join(data, "collector.json"))).toBe(false);
});
