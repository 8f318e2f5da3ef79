// What doctor finds on the machine of the test.
import { expect, it } from "vitest";
import { moescope, temporaryDirectory } from "../testing/moescope.ts";

it("tries every backend and the store, and says what it found", async () => {
  const { code, stdout } = await moescope(["doctor", "--json"], temporaryDirectory());
  const { backends, checks } = JSON.parse(stdout);
  expect(backends.map(({ name }: { name: string }) => name)).toEqual(["tensorflow", "wasm", "cpu"]);
  for (const backend of backends) {
    if (backend.works) expect(backend.gigaflops).toBeGreaterThan(0);
    else expect(`${backend.missing} ${backend.remedy}`.length).toBeGreaterThan(20);
  }
  expect(backends.at(-1).works).toBe(true);
  expect(checks).toContainEqual({ what: "Store", fine: true, detail: expect.stringMatching(/\d+ ms/) });
  expect(code).toBe(0);
});
