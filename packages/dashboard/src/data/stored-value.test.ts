import { expect, onTestFinished, test } from "vitest";
import { storedValue } from "./stored-value.ts";

test("outside a browser a value lasts as long as the process, and Node's localStorage, which warns, is not looked at", () => {
  const own = Object.getOwnPropertyDescriptor(globalThis, "localStorage");
  onTestFinished(() => {
    if (own === undefined) Reflect.deleteProperty(globalThis, "localStorage");
    else Object.defineProperty(globalThis, "localStorage", own);
  });
  let looks = 0;
  Object.defineProperty(globalThis, "localStorage", { configurable: true, get: () => void looks++ });

  const value = storedValue("colour", "red", String);
  expect(value.get()).toBe("red");
  value.set("blue");
  expect(value.get()).toBe("blue");
  expect(looks).toBe(0);
});
