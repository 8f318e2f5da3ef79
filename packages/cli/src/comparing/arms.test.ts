import { expect, it } from "vitest";
import { armsOf } from "./arms.ts";

it("makes an arm of every strategy, and of every --arm with its own settings", () => {
  const arms = armsOf({
    strategies: ["none", "loss-free-bias+z-loss"],
    arm: ["by sequence=auxiliary-loss,balancing.scope=sequence,balancing.coefficient=0.1"],
  });
  expect(arms).toEqual([
    { name: "none", strategy: "none", settings: [] },
    { name: "loss-free-bias+z-loss", strategy: "loss-free-bias+z-loss", settings: [] },
    {
      name: "by sequence",
      strategy: "auxiliary-loss",
      settings: ["balancing.scope=sequence", "balancing.coefficient=0.1"],
    },
  ]);
});

it("crosses arms with every value of every --vary", () => {
  const arms = armsOf({ strategies: ["a"], vary: ["balancing.speed=0.1,0.2", "model.topK=1,2"] });
  expect(arms.map(({ name }) => name)).toEqual([
    "a speed=0.1 topK=1",
    "a speed=0.1 topK=2",
    "a speed=0.2 topK=1",
    "a speed=0.2 topK=2",
  ]);
  expect(arms[3]!.settings).toEqual(["balancing.speed=0.2", "model.topK=2"]);
});

it("compares auxiliary loss with loss-free unless told otherwise", () => {
  expect(armsOf({}).map(({ strategy }) => strategy)).toEqual(["auxiliary-loss", "loss-free-bias"]);
  expect(armsOf({ arm: ["mine=none"] }).map(({ name }) => name)).toEqual(["mine"]);
});

it("says what it cannot read", () => {
  expect(() => armsOf({ arm: ["auxiliary-loss"] })).toThrow(/--arm auxiliary-loss: allowed is NAME=STRATEGY/);
  expect(() => armsOf({ arm: ["a=none,balancing.speed"] })).toThrow(/allowed is NAME=STRATEGY/);
  expect(() => armsOf({ vary: ["balancing.speed"] })).toThrow(/--vary balancing.speed: allowed is key=value,value/);
  expect(() => armsOf({ vary: ["balancing.speed=0.1,,"] })).toThrow(/allowed is key=value,value/);
  expect(() => armsOf({ strategies: ["none", "none"] })).toThrow(/Two arms are called "none"/);
});
