import fc from "fast-check";
import { expect, test } from "vitest";
import { Guesses, MOST_GUESSES, TooManyGuesses } from "./guesses.ts";

const MINUTE = 60_000;
/** As of a process that has run for a while. */
const START = 1_000;

/** Shows a wrong token. @returns whether it was looked at */
function show(guesses: Guesses, address: string, token: string): boolean {
  try {
    guesses.expectAllowed(address, token);
  } catch (error) {
    expect(error).toBeInstanceOf(TooManyGuesses);
    return false;
  }
  guesses.add(address, token);
  return true;
}

test("in a minute ten different wrong tokens of an address are looked at, each ten times, whoever else shows what", () => {
  const shown = fc.record({ address: fc.nat(3), token: fc.nat(15), after: fc.nat(8_000) });
  fc.assert(
    fc.property(fc.array(shown, { maxLength: 400 }), (all) => {
      let now = START;
      const guesses = new Guesses(MOST_GUESSES, { now: () => now });
      const windows = new Map<number, { from: number; times: Map<number, number> }>();
      for (const { address, token, after } of all) {
        now += after;
        const known = windows.get(address);
        const window = known && now - known.from <= MINUTE ? known : { from: now, times: new Map<number, number>() };
        const times = window.times.get(token);
        const expected = (times ?? window.times.size) < MOST_GUESSES;
        expect(show(guesses, `10.0.0.${address}`, `token ${token}`)).toBe(expected);
        if (!expected) continue;
        window.times.set(token, (times ?? 0) + 1);
        windows.set(address, window);
      }
    }),
  );
});

test("whoever has to wait is told how long", () => {
  let now = START;
  const guesses = new Guesses(MOST_GUESSES, { now: () => now });
  for (let token = 0; token < MOST_GUESSES; token++) show(guesses, "::1", String(token));
  now = START + 18_500;
  expect(() => guesses.expectAllowed("::1", "right")).toThrow(
    "too many wrong tokens from this address; try again in 42 seconds",
  );
  now = START + MINUTE + 1;
  expect(() => guesses.expectAllowed("::1", "right")).not.toThrow();
});

test.each([
  ["2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true],
  ["2001:db8:1:2::1", "2001:db8:1:3::1", false],
  ["2001:db8::1", "2001:db8:0:0:5::", true],
  ["::1", "::2", true],
  ["fe80::1%eth0", "fe80::2%eth0", true],
  ["::ffff:10.0.0.1", "10.0.0.1", true],
  ["::ffff:10.0.0.1", "::ffff:10.0.0.2", false],
  ["10.0.0.1", "10.0.0.2", false],
])("%s and %s: one sender is %s", (first, second, same) => {
  const guesses = new Guesses();
  for (let token = 0; token < MOST_GUESSES; token++) show(guesses, first, String(token));
  expect(show(guesses, second, "another")).toBe(!same);
});

test("a bounded number of addresses is remembered", () => {
  const guesses = new Guesses();
  for (let address = 0; address < 25_000; address++) show(guesses, `10.0.${address >> 8}.${address & 255}`, "wrong");
  expect(guesses.addresses).toBe(10_000);
});
