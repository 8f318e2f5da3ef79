import type { IBackoff } from "cockatiel";
import { expect, onTestFinished, test, vi } from "vitest";
import { backOff } from "./back-off.ts";

/** Waits one after the other, in milliseconds. */
function waits(tries: number): number[] {
  let wait: IBackoff<unknown> | undefined;
  return Array.from({ length: tries }, () => {
    wait = (wait ?? backOff).next(undefined);
    return wait.duration;
  });
}

test("waits at random, up to 50 ms and then up to double, never above 5 s, however often it is tried", () => {
  const random = vi.spyOn(Math, "random");
  onTestFinished(() => random.mockRestore());
  random.mockReturnValue(1 - 2 ** -53);
  expect(waits(10)).toEqual([49, 99, 199, 399, 799, 1599, 3199, 4999, 4999, 4999]);
  expect(Math.max(...waits(2000))).toBe(4999);
  random.mockReturnValue(0);
  expect(waits(10)).toEqual(Array(10).fill(0));
});
