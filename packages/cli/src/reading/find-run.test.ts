import { v1 } from "@moescope/proto";
import { expect, it } from "vitest";
import { findRun, type StoredRun } from "./find-run.ts";

const runs = ["demo-none-s0-aaa", "demo-none-s0-abb", "quick"].map((id) => {
  return v1.RunSummary.fromObject({ run: { id } }) as StoredRun;
});

it("finds a run by its id or by a beginning that is its alone", () => {
  expect(findRun(runs, "quick")).toBe(runs[2]);
  expect(findRun(runs, "demo-none-s0-ab")).toBe(runs[1]);
});

it("names the runs that are meant perhaps", () => {
  expect(() => findRun(runs, "demo")).toThrow(/demo-none-s0-aaa or demo-none-s0-abb/);
  expect(() => findRun(runs, "qiuck")).toThrow(/did you mean "quick"/);
  expect(() => findRun([], "quick")).toThrow(/no run is stored here/);
});
