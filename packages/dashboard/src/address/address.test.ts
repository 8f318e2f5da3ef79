import { expect, test } from "vitest";
import { type Address, formatAddress, parseAddress, START } from "./address.ts";

test("an empty address is the start, and the start is an empty address", () => {
  expect(parseAddress("")).toEqual({ address: START, ignored: [] });
  expect(formatAddress(START)).toBe("");
});

const everything: Address = {
  view: "experts",
  runs: ["aux-loss-7", "a b,c%&=ü"],
  split: "eval",
  x: "tokens",
  range: [64, 4096],
  log: true,
  smooth: 50,
  step: 120,
  layer: 0,
  expert: 12,
  lines: "layers",
  over: 128,
  shape: "stream",
  cells: "steps",
  since: 7,
  span: "range",
  attempt: 2,
  figureLayers: [0, 3, 5],
  window: [90, 100],
  head: 2,
  score: "first",
  bins: 2,
  compared: "listed",
  by: "balancing.speed",
  baseline: "0.01 & more",
  against: "ü",
  differenceAt: "cursor",
  numbers: "lowest",
  expertOrder: "load",
  capacity: 1.5,
  ranks: 4,
  filter: "aux model.experts=64 loss<2 & 50%",
  sort: "-maxvio",
  group: "balancing.strategy",
  theme: "dark",
};

test("everything survives the way through the address, ids with odd characters too", () => {
  const search = formatAddress(everything);
  expect(parseAddress(search)).toEqual({ address: everything, ignored: [] });
  expect(parseAddress(new URL(`http://collector/${search}`).search).address).toEqual(everything);
});

test("no run chosen is not the same as the newest", () => {
  const none: Address = { ...START, runs: [] };
  expect(parseAddress(formatAddress(none)).address.runs).toEqual([]);
});

test.each([
  [
    "view=experiments",
    "allowed are overview, balance, experts, layers, categories, compare, attention, what-if, alerts",
  ],
  ["step=-3", "allowed are whole numbers from 0"],
  ["layer=1.5", "allowed are whole numbers from 0"],
  ["capacity=0", "allowed are numbers above 0"],
  ["ranks=0", "allowed are whole numbers from 1"],
  ["window=9-3", "its first step 9 is after its last step 3"],
  ["window=9", "a window is written FROM-TO"],
  ["range=a-9", "a range is written FROM-TO"],
  ["y=symlog", "allowed are log, linear"],
  ["smooth=-1", "allowed are whole numbers from 0"],
  ["runs=a,b,c,d,e,f,g", "at most 6 runs"],
])("%s is ignored with a line that says what is allowed", (search, reason) => {
  const { address, ignored } = parseAddress(`?x=time&${search}`);
  expect(address).toEqual({ ...START, x: "time" });
  expect(ignored).toHaveLength(1);
  expect(ignored[0]).toContain(search);
  expect(ignored[0]).toContain(reason);
});
