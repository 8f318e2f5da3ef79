import { expect, test } from "vitest";
import { frameAncestors, ORIGIN } from "./frames.ts";

const local = ["http://localhost:*", "https://localhost:*", "http://127.0.0.1:*", "https://127.0.0.1:*"];

test("pages of this machine may show a dashboard that only this machine reaches and that asks for nothing", () => {
  const frameIn = undefined;
  for (const host of ["127.0.0.1", "::1", "localhost"]) {
    expect(frameAncestors({ frameIn, host, closed: false })).toEqual(local);
    expect(frameAncestors({ frameIn, host, closed: true })).toEqual(["'none'"]);
  }
  expect(frameAncestors({ frameIn, host: "0.0.0.0", closed: false })).toEqual(["'none'"]);
});

test("pages that are named may, and no others", () => {
  for (const host of ["127.0.0.1", "0.0.0.0"]) {
    expect(frameAncestors({ frameIn: ["https://lab:8888"], host, closed: false })).toEqual(["https://lab:8888"]);
    expect(frameAncestors({ frameIn: [], host, closed: false })).toEqual(["'none'"]);
  }
});

test("an origin is a scheme, a host and a port, and never more of a policy", () => {
  for (const origin of ["http://lab:8888", "https://hub.example.org", "http://10.0.0.7:8888"])
    expect(origin).toMatch(ORIGIN);
  const wrong = [
    "*",
    "https://*",
    "http://*.example.org",
    "lab:8888",
    "http://lab/",
    "http://lab; script-src *",
    "http://a b",
    "'self'",
  ];
  for (const text of [...wrong, "http://lab\n", "http://lab:888888", "javascript:alert(1)"])
    expect(text).not.toMatch(ORIGIN);
});
