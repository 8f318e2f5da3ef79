import { afterEach, expect, test, vi } from "vitest";
import { restWhileHidden } from "./hidden-page.ts";

afterEach(() => void vi.useRealTimers());

function open(hidden: boolean) {
  vi.useFakeTimers();
  const told: string[] = [];
  const page = Object.assign(new EventTarget(), { hidden });
  const store = { rest: () => void told.push("rest"), wake: () => void told.push("wake") };
  const end = restWhileHidden(store, page as unknown as Document);
  const turn = (to: boolean) => {
    page.hidden = to;
    page.dispatchEvent(new Event("visibilitychange"));
  };
  return { told, turn, end };
}

test("the stream rests while the page is hidden for longer than a moment", () => {
  const { told, turn, end } = open(false);
  turn(true);
  vi.advanceTimersByTime(4999);
  turn(false);
  expect(told).toEqual(["wake"]);
  turn(true);
  vi.advanceTimersByTime(5000);
  expect(told).toEqual(["wake", "rest"]);
  turn(false);
  expect(told).toEqual(["wake", "rest", "wake"]);
  end();
  turn(true);
  vi.advanceTimersByTime(9000);
  expect(told).toHaveLength(3);
});

test("a page that opens hidden has no stream until somebody looks", () => {
  const { told, turn } = open(true);
  expect(told).toEqual(["rest"]);
  turn(false);
  expect(told).toEqual(["rest", "wake"]);
});
