import { describe, expect, test } from "vitest";
import golden from "../../golden/balancing.json" with { type: "json" };
import { openBackend } from "../runtime/backends.ts";
import { smebuUpdate } from "./smebu.ts";
import { strategyCases } from "./strategy.cases.ts";

await openBackend();

describe("smebu", () => {
  strategyCases("smebu", { improves: true });

  test("makes the first update as published", () => {
    const [bias, velocity] = [new Float32Array(8), new Float32Array(8)];
    smebuUpdate(bias, velocity, golden["biased counts"], { speed: 0.0005, steepness: 2, momentum: 0.5 });
    velocity.forEach((value, expert) => {
      expect(value).toBeCloseTo(golden["SMEBU step m (from 0)"][expert]!, 8);
      expect(bias[expert]).toBe(value);
    });
  });
});
